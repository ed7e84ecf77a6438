"""Asterisk from outside: its dialplan, and questions to it."""
