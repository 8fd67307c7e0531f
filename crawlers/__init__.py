"""Readers of public sources: RawPost and Post."""
