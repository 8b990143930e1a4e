"""What is done in this slice: one verb a function, one transaction, one event."""
