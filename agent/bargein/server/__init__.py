"""The two listeners and what they share."""
