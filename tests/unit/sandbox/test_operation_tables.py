"""Every operation the simulator offers exists in AWS's own models, where they say it is."""

from __future__ import annotations

import re

import botocore.session
import pytest

from sandbox.aws.calls import Counters
from sandbox.aws.http import Request
from sandbox.aws.ses import rest
from sandbox.aws.ses.service import Ses
from sandbox.aws.sns.service import Sns
from sandbox.aws.sqs.registry import Registry
from sandbox.aws.truth import Truth

MODELS = botocore.session.get_session()
SES_MODEL = MODELS.get_service_model("sesv2")


@pytest.mark.parametrize("name", sorted(rest._OPERATIONS))
def test_an_ses_operation_is_recognised_by_its_method_and_path(name: str) -> None:
    model = SES_MODEL.operation_model(name)
    path = re.sub(r"\{(\w+)\}", r"a%2F\1", model.http["requestUri"])

    call = rest.read(Request(model.http["method"], path, "", {}, b"{}"))

    assert call.action == name
    assert call.params == {
        part: f"a/{part}" for part in re.findall(r"\{(\w+)\}", model.http["requestUri"])
    }


def test_every_ses_route_has_an_operation() -> None:
    ses = Ses(Sns(Registry()), Truth(Counters()))

    assert set(ses._table) == set(rest._OPERATIONS)


def test_every_sns_operation_exists_in_aws() -> None:
    sns = Sns(Registry())

    assert set(sns._operations.table) <= set(MODELS.get_service_model("sns").operation_names)


def test_query_parameters_have_their_types() -> None:
    request = Request(
        "GET",
        "/v2/email/suppression/addresses",
        "PageSize=5&Reason=BOUNCE&Reason=COMPLAINT&NextToken=abc",
        {},
        b"",
    )

    call = rest.read(request)

    assert call.action == "ListSuppressedDestinations"
    assert call.params == {
        "PageSize": 5,
        "Reasons": ["BOUNCE", "COMPLAINT"],
        "NextToken": "abc",
    }


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"'])
def test_a_body_that_is_no_object_is_unreadable(body: bytes) -> None:
    call = rest.read(Request("POST", "/v2/email/outbound-emails", "", {}, body))

    assert call.action == rest.UNREADABLE
