"""Linear layers under homomorphic encryption: layers as values, ciphertexts, two packings."""
