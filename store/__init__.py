"""Where records are kept: one Protocol, backends behind it."""
