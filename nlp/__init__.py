"""What a post says: language, incident, category, places, time, urgency."""
