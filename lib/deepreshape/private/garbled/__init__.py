"""Garbled circuits and the oblivious transfers that feed them."""
