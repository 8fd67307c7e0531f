"""One event, all its posts, and whether 102 knows."""
