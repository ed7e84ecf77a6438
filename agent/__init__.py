"""A barge-in voice agent for Asterisk: hears the caller over its own voice, stops mid-word, re-plans."""

__version__ = "0.1.0"
