"""Planners: what the agent says next."""
