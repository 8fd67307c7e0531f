"""The program: command line and the all-in-one live runtime."""
