"""Places of Kazakhstan: tables, importers, look-up of inflected names, resolution."""
