"""The long proofs: the same claims as the tests make, with far more seeds. `make campaign`."""
