"""White-box evidence: what a model's activations say on each token, and what it is worth."""
