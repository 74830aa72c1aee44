"""Errors of the settings, each a sentence that the operator can act on."""

from __future__ import annotations


class ConfigurationError(Exception):
    """A setting is missing, malformed, or could break a promise together with another one."""
