"""Engines behind small protocols: speech to text, text to speech."""
