"""Whatever goes wrong, the operator reads one sentence, and a program gets an exit code."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from psycopg import errors as psycopg_errors
from sqlalchemy.exc import OperationalError, ProgrammingError

from config.errors import ConfigurationError
from db.errors import DatabaseNotMigratedError, DatabaseUnreachableError
from mailsluice import EnqueueError, MessageError, Problem, QueueNotFoundError
from ops import failures
from ops.exits import ExitCode
from ops.failures import explain

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

ENDPOINT = "http://127.0.0.1:1/"
ACCESS_DENIED = "User: arn:aws:iam::1:user/x is not authorized"


def refused(code: str, status: int, text: str = "Something.") -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": text},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
        "SendMessage",
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("no"), ExitCode.WRONG),
        (DatabaseNotMigratedError("no"), ExitCode.WRONG),
        (DatabaseUnreachableError("no"), ExitCode.UNREACHABLE),
        (MessageError([Problem(("to",), "is missing", "is missing")]), ExitCode.WRONG),
        (QueueNotFoundError("no"), ExitCode.WRONG),
        (EnqueueError("no"), ExitCode.UNREACHABLE),
        (NoCredentialsError(), ExitCode.WRONG),
        (EndpointConnectionError(endpoint_url=ENDPOINT), ExitCode.UNREACHABLE),
        (ConnectTimeoutError(endpoint_url=ENDPOINT), ExitCode.UNREACHABLE),
        (ReadTimeoutError(endpoint_url=ENDPOINT), ExitCode.UNREACHABLE),
        (refused("InternalError", 500), ExitCode.UNREACHABLE),
        (refused("ThrottlingException", 400), ExitCode.UNREACHABLE),
        (refused("InvalidClientTokenId", 403), ExitCode.WRONG),
        (refused("AccessDenied", 403, ACCESS_DENIED), ExitCode.WRONG),
        (refused("AWS.SimpleQueueService.NonExistentQueue", 400), ExitCode.WRONG),
        (OperationalError("", {}, psycopg_errors.QueryCanceled("slow")), ExitCode.UNREACHABLE),
        (
            ProgrammingError("", {}, psycopg_errors.InsufficientPrivilege("no")),
            ExitCode.WRONG,
        ),
        (PermissionError(13, "Permission denied", "/list.csv"), ExitCode.WRONG),
        (KeyError("x"), ExitCode.BUG),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: Exception, code: ExitCode) -> None:
    assert explain(error).code is code


def test_an_enqueueing_that_failed_for_want_of_credentials_is_no_outage() -> None:
    error = EnqueueError("There are no AWS credentials.")
    error.__cause__ = NoCredentialsError()
    assert explain(error) == failures.Failure(ExitCode.WRONG, "There are no AWS credentials.")


@pytest.mark.parametrize("name", list(failures._RULES))
def test_every_rule_is_about_an_exception_that_exists(name: str) -> None:
    module, _, exception = name.rpartition(".")
    assert issubclass(getattr(importlib.import_module(module), exception), Exception)


def test_a_driver_that_adds_values_of_rows_in_further_lines_is_cut_short() -> None:
    text = 'relation "x" is wrong\nDETAIL:  Key (address)=(ada@example.com) is there.'
    error = OperationalError("", {}, psycopg_errors.OperationalError(text))
    assert "ada@example.com" not in explain(error).sentence
    assert 'relation "x" is wrong.' in explain(error).sentence


def test_an_unforeseen_error_names_no_address() -> None:
    assert "ada@example.com" not in explain(ValueError("bad ada@example.com")).sentence


def test_what_aws_says_of_an_address_is_not_repeated() -> None:
    error = refused("MessageRejected", 400, "Email address is not verified: ada@example.com")
    assert "ada@example.com" not in explain(error).sentence


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("the wheels came off")

    monkeypatch.setattr("ops.commands.config.load_settings", fail)


@pytest.mark.usefixtures("broken")
def test_an_error_of_the_program_shows_no_traceback(run: Callable[..., Result]) -> None:
    result = run("config")
    assert result.exit_code == ExitCode.BUG
    assert "the wheels came off" in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


@pytest.mark.usefixtures("broken")
def test_whoever_asks_for_debugging_gets_the_traceback_too(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILSLUICE_LOG_LEVEL", "DEBUG")
    result = run("config")
    assert result.exit_code == ExitCode.BUG
    assert "Traceback" in result.stderr
    assert "the wheels came off" in result.stderr
