"""Disturbs an installation while mail goes through it, and counts what became of each message."""
