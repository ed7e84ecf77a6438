"""Calls in progress: both listeners, the media engine, a session for each call, workers, metrics, logs."""
