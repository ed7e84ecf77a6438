"""The call log as web pages: a separate process that only reads the log."""
