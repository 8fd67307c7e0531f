"""Telling people of events outside of the console: rules, an outbox, channels."""
