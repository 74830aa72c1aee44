"""Where the SDK has no answer: what never left is told from what SES may have taken."""

from __future__ import annotations

import inspect

import botocore.exceptions as boto
import pytest

from worker.ses.classify import classify
from worker.ses.outcomes import Halt, Reject, Scope, Unknown
from worker.ses.unanswered import BEFORE_THE_REQUEST

MAY_HAVE_LEFT = {
    "ChecksumError",
    "ConnectionClosedError",
    "ConnectionError",
    "HTTPClientError",
    "IncompleteReadError",
    "ReadTimeoutError",
    "ResponseStreamingError",
    "SSLError",
    "UnseekableStreamError",
}
_S3 = "only S3's operations raise it"
_PAGES = "SendEmail has no pages"
_WAITERS = "SendEmail has no waiter"
_CHECKSUMS = "no operation of SES has checksums"
_STUBS = "botocore's stubs are for tests"
NOT_IN_A_SEND = {
    "AwsChunkedWrapperError": _CHECKSUMS,
    "CapacityNotAvailableError": "adaptive retries are off: a send is made once",
    "FlexibleChecksumError": _CHECKSUMS,
    "InvalidDNSNameError": _S3,
    "InvalidExpressionError": "endpoint discovery and resources use such expressions, SES neither",
    "InvalidS3AddressingStyleError": _S3,
    "InvalidS3UsEast1RegionalEndpointConfigError": _S3,
    "OperationNotPageableError": _PAGES,
    "PaginationError": _PAGES,
    "StubAssertionError": _STUBS,
    "StubResponseError": _STUBS,
    "UnStubbedResponseError": _STUBS,
    "UnknownClientMethodError": "presigned URLs look methods up by name, a send does not",
    "UnsupportedOutpostResourceError": _S3,
    "UnsupportedS3AccesspointConfigurationError": _S3,
    "UnsupportedS3ArnError": _S3,
    "UnsupportedS3ConfigurationError": _S3,
    "UnsupportedS3ControlArnError": _S3,
    "UnsupportedS3ControlConfigurationError": _S3,
    "WaiterConfigError": _WAITERS,
    "WaiterError": _WAITERS,
}


def sdk_errors() -> dict[str, type[boto.BotoCoreError]]:
    """Every error without an answer that botocore has, by name."""
    kinds = inspect.getmembers(boto, inspect.isclass)
    return {
        name: kind
        for name, kind in kinds
        if issubclass(kind, boto.BotoCoreError) and kind is not boto.BotoCoreError
    }


def never_left() -> dict[str, type[boto.BotoCoreError]]:
    listed = tuple(kind for _, kinds in BEFORE_THE_REQUEST for kind in kinds)
    return {name: kind for name, kind in sdk_errors().items() if issubclass(kind, listed)}


def raised(kind: type[boto.BotoCoreError]) -> boto.BotoCoreError:
    return kind.__new__(kind)


def test_every_error_of_the_sdk_is_placed_and_only_once() -> None:
    places = [set(never_left()), MAY_HAVE_LEFT, set(NOT_IN_A_SEND)]
    assert set.union(*places) == set(sdk_errors())
    assert sum(map(len, places)) == len(sdk_errors())


def test_no_error_stands_in_the_table_twice() -> None:
    listed = [kind for _, kinds in BEFORE_THE_REQUEST for kind in kinds]
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("kind", never_left().values())
def test_what_precedes_the_request_is_never_of_unknown_outcome(
    kind: type[boto.BotoCoreError],
) -> None:
    outcome = classify(raised(kind))
    assert isinstance(outcome, (Halt, Reject))
    assert outcome.why.code == kind.__name__


@pytest.mark.parametrize("name", sorted(MAY_HAVE_LEFT | set(NOT_IN_A_SEND)))
def test_what_may_have_left_is_of_unknown_outcome(name: str) -> None:
    outcome = classify(raised(sdk_errors()[name]))
    assert (type(outcome), outcome.cause) == (Unknown, "answer_lost")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (boto.EndpointConnectionError(endpoint_url="https://x"), "unreachable"),
        (boto.ConnectTimeoutError(endpoint_url="https://x"), "unreachable"),
        (boto.ProxyConnectionError(proxy_url="https://x"), "unreachable"),
        (boto.SSLError(endpoint_url="https://x", error="CERTIFICATE_VERIFY_FAILED"), "unreachable"),
        (boto.SSLError(endpoint_url="https://x", error="TLS handshake failed"), "unreachable"),
        (boto.NoCredentialsError(), "credentials"),
        (boto.MetadataRetrievalError(error_msg="x"), "credentials"),
        (boto.SSOTokenLoadError(error_msg="x"), "credentials"),
        (boto.ProfileNotFound(profile="x"), "credentials"),
        (boto.LoginRefreshRequired(), "credentials"),
        (boto.EndpointProviderError(msg="x"), "configuration"),
        (boto.MissingDependencyException(msg="x"), "configuration"),
        (boto.ConfigNotFound(path="x"), "configuration"),
        (boto.InvalidRegionError(region_name="x"), "configuration"),
    ],
)
def test_what_concerns_every_message_halts_all_and_burns_none(
    error: boto.BotoCoreError, cause: str
) -> None:
    outcome = classify(error)
    assert isinstance(outcome, Halt)
    assert (outcome.cause, outcome.scope) == (cause, Scope.HOST)


def test_a_malformed_request_ends_its_message() -> None:
    assert isinstance(classify(boto.ParamValidationError(report="x")), Reject)


@pytest.mark.parametrize(
    "error",
    [
        boto.ReadTimeoutError(endpoint_url="https://x"),
        boto.ConnectionClosedError(endpoint_url="https://x"),
        boto.SSLError(endpoint_url="https://x", error="EOF occurred"),
    ],
)
def test_a_connection_lost_on_the_way_is_of_unknown_outcome(error: boto.BotoCoreError) -> None:
    assert isinstance(classify(error), Unknown)


def test_nothing_that_the_sdk_quotes_is_kept() -> None:
    report = "Invalid type for parameter Destination, value: ada@example.com"
    assert "ada" not in classify(boto.ParamValidationError(report=report)).why.reason
