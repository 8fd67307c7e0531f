"""The web console: queue, map, event page, decisions and accounts."""
