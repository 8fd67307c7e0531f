"""Photos and videos of posts and reports: checked, stored by digest, hashed."""
