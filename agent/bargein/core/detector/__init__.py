"""Hears the caller through the echo of the agent."""
