"""The console's routes, one module a concern."""
