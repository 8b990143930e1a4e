"""How logs come in: upload, detection, preview, mapping, and the run that hands each record on."""
