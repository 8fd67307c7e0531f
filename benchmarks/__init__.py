"""Measurements and long proofs, beside named peers in the same run."""
