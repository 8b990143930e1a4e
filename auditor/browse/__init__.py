"""The reading room: the list of transcripts, and one transcript as a document."""
