"""Names of failures for logs: the texts of errors may quote addresses."""

from __future__ import annotations

from botocore.exceptions import ClientError


def error_name(error: BaseException | None) -> str:
    """What quotes no data: AWS's error code, the database's SQLSTATE, or the exception's class."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "ClientError"))
    # SQLAlchemy keeps the driver's error under this name.
    original = getattr(error, "orig", None)
    if original is not None:
        return f"{type(original).__name__} {getattr(original, 'sqlstate', None) or ''}".strip()
    return type(error).__name__
