"""Files in: upload, detection, preview, mapping, and the batch run that hands each record on."""
