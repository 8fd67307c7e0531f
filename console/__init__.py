"""The specialists' console."""
