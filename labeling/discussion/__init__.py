"""What people say to each other about words, transcripts and guidelines, and who may read it when."""
