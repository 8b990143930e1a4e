"""What leaves: adjudicated labels as files that say what they were made from."""
