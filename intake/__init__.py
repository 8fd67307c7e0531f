"""The 102 side: what comes in as reports."""
