"""The review desk: drafts, blind labels, the reveal, final labels, and the spans they rest on."""
