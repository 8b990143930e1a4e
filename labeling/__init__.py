"""What people make of the evidence, and the dataset that comes out."""
