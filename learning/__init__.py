"""Learning from decisions: labelled data, audit sample, candidate, replay, gate, promotion."""
