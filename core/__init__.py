"""What every stage shares: records, ids, clock, settings, errors, logging."""
