"""What the caller's words mean, by the language file."""
