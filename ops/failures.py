"""What went wrong, as one clear sentence on stderr and an exit code."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import typer

from ops.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

_CREDENTIALS = (
    "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the IAM role with "
    "AWS_SES_USE_IAM_ROLE=true."
)
_BAD_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_NO_QUEUE = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
_THROTTLED = {"RequestThrottled", "Throttling", "ThrottlingException", "TooManyRequestsException"}


@dataclass(frozen=True)
class Failure:
    """A sentence for a person, and the exit code for a program."""

    code: ExitCode
    sentence: str


def explain(error: Exception) -> Failure:
    """What to tell of an error; what nobody foresaw is an error of the program."""
    for cause in type(error).__mro__:
        rule = _RULES.get(f"{cause.__module__}.{cause.__qualname__}")
        if rule is not None:
            return rule(error)
    return Failure(
        ExitCode.BUG,
        f"Mailsluice failed unexpectedly: {type(error).__name__}: {_redacted(str(error))}\n"
        "MAILSLUICE_LOG_LEVEL=DEBUG shows where.",
    )


def show(failure: Failure, error: Exception) -> None:
    """Print it on stderr; with MAILSLUICE_LOG_LEVEL=DEBUG the traceback as well."""
    if os.environ.get("MAILSLUICE_LOG_LEVEL") == "DEBUG":
        traceback.print_exception(error)
    typer.echo(f"Error: {failure.sentence}", err=True)


def _wrong(error: Exception) -> Failure:
    return Failure(ExitCode.WRONG, str(error))


def _unreachable(error: Exception) -> Failure:
    return Failure(ExitCode.UNREACHABLE, str(error))


def _not_enqueued(error: Exception) -> Failure:
    """The sentence is the client's own; whether waiting helps, its cause tells."""
    cause = error.__cause__
    known = explain(cause).code if isinstance(cause, Exception) else ExitCode.UNREACHABLE
    return Failure(known, str(error))


def _file(error: Any) -> Failure:  # noqa: ANN401  an OSError, by its name
    about = f"{error.filename}: " if error.filename else ""
    return Failure(ExitCode.WRONG, f"{about}{error.strerror or error}.")


def _credentials(error: Exception) -> Failure:
    return Failure(ExitCode.WRONG, f"AWS credentials: {_sentence(error)} {_CREDENTIALS}")


def _aws_configuration(error: Exception) -> Failure:
    return Failure(ExitCode.WRONG, f"AWS: {_sentence(error)}")


def _aws_unreachable(error: Exception) -> Failure:
    return Failure(
        ExitCode.UNREACHABLE,
        f"AWS cannot be reached: {_sentence(error)} "
        "Check the network, AWS_REGION and any AWS_ENDPOINT_URL.",
    )


def _aws_refused(error: Any) -> Failure:  # noqa: ANN401  a ClientError, by its name
    details = error.response.get("Error", {})
    code, text = details.get("Code", ""), details.get("Message", "").rstrip(".")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = _redacted(f"AWS answered {error.operation_name} with {code}: {text}.")
    if code in _BAD_CREDENTIALS:
        return Failure(ExitCode.WRONG, f"{said} {_CREDENTIALS}")
    if code in _NO_QUEUE:
        return Failure(
            ExitCode.WRONG,
            f"{said} Run `mailsluice provision`, or check AWS_REGION and MAILSLUICE_QUEUE_PREFIX.",
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or code in _THROTTLED:
        return Failure(ExitCode.UNREACHABLE, f"{said} Try again in a moment.")
    return Failure(ExitCode.WRONG, said)


def _database_away(error: Any) -> Failure:  # noqa: ANN401  an OperationalError, by its name
    return Failure(
        ExitCode.UNREACHABLE,
        f"The database does not answer: {_sentence(error.orig)} "
        "Check DATABASE_URL and that the server runs.",
    )


def _database_refused(error: Any) -> Failure:  # noqa: ANN401  a DBAPIError, by its name
    return Failure(ExitCode.WRONG, f"The database refused: {_sentence(error.orig)}")


def _migration(error: Exception) -> Failure:
    return Failure(
        ExitCode.WRONG,
        f"The tables cannot be migrated: {_sentence(error)} They may be of a newer Mailsluice.",
    )


def _sentence(error: object) -> str:
    """The first line, ended by a full stop: drivers add lines that hold values of rows."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".") + "."


def _redacted(text: str) -> str:
    from config.logs import redact  # noqa: PLC0415  structlog, only when something is wrong

    return redact(text)


# By name, for only the command that raised one of these has imported its module.
_RULES: dict[str, Callable[[Any], Failure]] = {
    "config.errors.ConfigurationError": _wrong,
    "db.errors.DatabaseUnreachableError": _unreachable,
    "db.errors.DatabaseError": _wrong,
    "mailsluice.errors.MailsluiceError": _wrong,
    "mailsluice.errors.QueueNotFoundError": _wrong,
    "mailsluice.errors.EnqueueError": _not_enqueued,
    "botocore.exceptions.NoCredentialsError": _credentials,
    "botocore.exceptions.PartialCredentialsError": _credentials,
    "botocore.exceptions.CredentialRetrievalError": _credentials,
    "botocore.exceptions.TokenRetrievalError": _credentials,
    "botocore.exceptions.ConnectionError": _aws_unreachable,
    "botocore.exceptions.HTTPClientError": _aws_unreachable,
    "botocore.exceptions.ClientError": _aws_refused,
    "botocore.exceptions.BotoCoreError": _aws_configuration,
    "sqlalchemy.exc.OperationalError": _database_away,
    "sqlalchemy.exc.DBAPIError": _database_refused,
    "alembic.util.exc.CommandError": _migration,
    "builtins.OSError": _file,
}
