"""A simulated city: what happened is known, so that correlation can be measured against it."""
