"""The name of a failure that may be logged: the texts of errors may quote addresses."""

from __future__ import annotations

from botocore.exceptions import ClientError


def code_of(error: Exception) -> str:
    """AWS's error code, or else the kind of the exception."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "ClientError"))
    return type(error).__name__
