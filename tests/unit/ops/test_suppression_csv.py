"""The suppression list as CSV: what export writes, import reads."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from config.errors import ConfigurationError
from db.suppressions import Suppression
from ops.suppression_file import BadLine, address_from, read

STREAMS = ("transactional", "marketing")
MOMENT = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


def lines(*texts: str) -> list[Suppression | BadLine]:
    return list(read(io.StringIO("\n".join(texts)), STREAMS))


def reason_of(row: str) -> str:
    (bad,) = lines("address,scope,reason,created_at,expires_at,note", row)
    assert isinstance(bad, BadLine)
    assert bad.line == 2
    return bad.reason


def test_every_column_is_read() -> None:
    (found,) = lines(
        "address,scope,reason,created_at,expires_at,note",
        'ada@example.com,marketing,bounce,2029-01-31T12:00:00Z,2030-01-31T12:00:00Z,"a ""note"""',
    )
    assert isinstance(found, Suppression)
    assert (found.scope, found.reason, found.note) == ("marketing", "bounce", 'a "note"')
    assert found.expires_at == MOMENT


def test_columns_have_the_names_that_others_give_them_too() -> None:
    (found,) = lines("address,cause,expires", "ada@example.com,bounce,2030-01-31T12:00:00Z")
    assert isinstance(found, Suppression)
    assert (found.reason, found.expires_at) == ("bounce", MOMENT)


def test_an_address_is_enough() -> None:
    assert lines("Address", " Ada@Example.COM ") == [
        Suppression("ada@example.com", "manual", "import")
    ]


def test_columns_may_stand_in_any_order() -> None:
    assert lines("reason,address", "bounce,ada@example.com") == [
        Suppression("ada@example.com", "bounce", "import")
    ]


def test_empty_lines_are_passed_over_and_still_counted() -> None:
    found = lines("address", "", "ada", "", "bob@example.com")
    assert isinstance(found[0], BadLine)
    assert found[0].line == 3
    assert isinstance(found[1], Suppression)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("ada,,,,,", "'ada' is not an e-mail address"),
        ("@example.com,,,,,", "is not an e-mail address"),
        ("ada@example.com;bob@example.com,,,,,", "is not one e-mail address"),
        (f"{'a' * 310}@example.com,,,,,", "longer than 320 characters"),
        ("ada@example.com,newsletter,,,,", "scope 'newsletter' is neither * nor a stream"),
        ("ada@example.com,,spite,,,", "reason 'spite' is none of"),
        ("ada@example.com,,,,tomorrow,", "expires_at 'tomorrow' must be a time"),
        ("ada@example.com,,,,2030-01-01T00:00:00,", "expires_at '2030-01-01T00:00:00' must be"),
        ("ada@example.com,,,,0001-01-01T00:00:00+05:00,", "expires_at '0001-01-01T00:00:00+05:00'"),
        ("ada@example.com,,,last year,,", "created_at 'last year' must be a time"),
        ("ada@example.com", "it has 1 values for 6 columns"),
        ('ada@example.com,,,,,"a "quoted" note', "it is not CSV"),
        ("ada@example.com,,,,,a\x00b", "NUL"),
    ],
)
def test_a_bad_line_is_told_with_its_reason(row: str, reason: str) -> None:
    assert reason in reason_of(row)


def test_lines_after_a_bad_one_are_read() -> None:
    found = lines("address,note", 'ada@example.com,"a "b" c"', "bob@example.com,")
    assert [type(each) for each in found] == [BadLine, Suppression]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "ada@example.com",
        "address;reason",
        "address,address",
        "address,colour",
        "address,reason,cause",
    ],
)
def test_a_file_without_a_header_is_refused_as_a_whole(header: str) -> None:
    with pytest.raises(ConfigurationError, match="The first line must name the columns"):
        lines(header, "bob@example.com")


@pytest.mark.parametrize(
    "address", ["user..name@docomo.ne.jp", "postmaster@localhost", '"a.b"@example.com']
)
def test_an_address_that_could_not_be_mailed_can_still_be_suppressed(address: str) -> None:
    assert address_from(address) == address
