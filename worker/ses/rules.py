"""The one table of what SES can answer to a send, and what each answer means.

Matched by message text first, then by error code, then by HTTP status, because SES uses one code
for several conditions: a paused account, for one, may come as `MessageRejected`. The codes are
those of the botocore models `sesv2` 2019-09-27 and `ses` 2010-12-01 and of the AWS common errors;
the texts are SES's own, recorded in public logs. What the SDK raises without an answer is in
`worker.ses.unanswered`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from worker.ses.outcomes import Scope

Meaning = Literal["throttled", "halt", "reject", "retry", "unknown"]

ANY_CODE = frozenset({"*"})


@dataclass(frozen=True)
class Rule:
    """One row. `cause` is a bounded label; `advice` is for the person who can mend it.

    `codes` are error codes, or HTTP statuses in digits; `text` is a phrase of SES, whole words.
    What is of `Scope.STREAM` is about the configuration set.
    """

    cause: str
    meaning: Meaning
    advice: str
    codes: frozenset[str] = ANY_CODE
    text: str | None = None
    scope: Scope = Scope.MESSAGE


def _codes(*names: str) -> frozenset[str]:
    return frozenset(names)


_THROTTLES = _codes(
    "TooManyRequestsException", "Throttling", "ThrottlingException", "LimitExceededException"
)
_REJECTED = _codes("MessageRejected", "MESSAGE_REJECTED")
_BAD_REQUEST = _codes("BadRequestException", "InvalidParameterValue", "ValidationException")
_DENIED = _codes("AccessDenied", "AccessDeniedException")

_TENANT_ADVICE = (
    "The tenant does not exist, or is not associated with the identity, configuration set or "
    "template: associate them in SES."
)

TEXT_RULES: tuple[Rule, ...] = (
    Rule(
        "rate",
        "throttled",
        "SES takes fewer messages a second at this moment.",
        _THROTTLES,
        "Maximum sending rate exceeded",
    ),
    Rule(
        "quota",
        "halt",
        "The quota of 24 hours is used up; sending resumes as the window moves on.",
        _THROTTLES,
        "Daily message quota exceeded",
        Scope.ACCOUNT,
    ),
    Rule(
        "account_paused",
        "halt",
        "Sending is paused for this account: see the SES console, or AWS's mail about it.",
        _REJECTED | {"SendingPausedException"},
        "Sending paused for this account",
        Scope.ACCOUNT,
    ),
    Rule(
        "identity_not_verified",
        "halt",
        "An address or domain is not verified in SES in this region: verify it, or correct the "
        "sender. In the SES sandbox recipients must be verified too.",
        _REJECTED,
        "is not verified",
    ),
    # Before the phrases below, because a display name follows that may hold them.
    Rule("invalid", "reject", "SES calls an address malformed.", _BAD_REQUEST, "illegal address"),
    Rule(
        "configuration_set",
        "halt",
        "The configuration set does not exist in this region: create it (mailsluice provision), "
        "or correct its name.",
        _BAD_REQUEST | {"NotFoundException"},
        "configuration set",
        Scope.STREAM,
    ),
    Rule("tenant", "halt", _TENANT_ADVICE, _BAD_REQUEST | {"NotFoundException"}, "tenant"),
    Rule("tenant", "halt", _TENANT_ADVICE, _DENIED, "tenant not associated"),
)

CODE_RULES: tuple[Rule, ...] = (
    Rule(
        "rate",
        "throttled",
        "The SES API takes fewer calls a second at this moment.",
        _codes("TooManyRequestsException", "Throttling", "ThrottlingException", "429"),
    ),
    Rule(
        "quota",
        "halt",
        "A limit of the account is reached, most likely the quota of 24 hours.",
        _codes("LimitExceededException", "LimitExceeded"),
        scope=Scope.ACCOUNT,
    ),
    Rule(
        "account_suspended",
        "halt",
        "AWS has shut this SES account down: contact AWS Support.",
        _codes("AccountSuspendedException"),
        scope=Scope.ACCOUNT,
    ),
    # API v2 has this one for the account too; the watch of the account shuts everything then.
    Rule(
        "sending_paused",
        "halt",
        "Sending is paused for this configuration set, or for the account: see the SES console.",
        _codes("SendingPausedException"),
        scope=Scope.STREAM,
    ),
    Rule(
        "account_paused",
        "halt",
        "Sending is paused for this account: see the SES console.",
        _codes("AccountSendingPausedException"),
        scope=Scope.ACCOUNT,
    ),
    Rule(
        "configuration_set_paused",
        "halt",
        "Sending is paused for this configuration set.",
        _codes("ConfigurationSetSendingPausedException"),
        scope=Scope.STREAM,
    ),
    Rule(
        "mail_from_domain",
        "halt",
        "The custom MAIL FROM domain of the sender is not verified: mend its MX record.",
        _codes("MailFromDomainNotVerifiedException"),
    ),
    Rule(
        "configuration_set",
        "halt",
        "The configuration set does not exist in this region.",
        _codes("ConfigurationSetDoesNotExist", "ConfigurationSetDoesNotExistException"),
        scope=Scope.STREAM,
    ),
    Rule(
        "template",
        "halt",
        "Something that the message names, most likely its template, does not exist in this "
        "region: create it, or correct the name.",
        _codes("NotFoundException", "TemplateDoesNotExist", "TemplateDoesNotExistException"),
    ),
    Rule("content", "reject", "SES refuses this message's content.", _REJECTED),
    Rule("invalid", "reject", "SES calls the message malformed.", _BAD_REQUEST),
    Rule(
        "too_large",
        "reject",
        "The message is larger than SES takes.",
        _codes("RequestEntityTooLargeException", "413"),
    ),
    Rule(
        "credentials",
        "halt",
        "AWS does not accept the credentials: they have expired, are wrong, or the clock of this "
        "host is off.",
        _codes(
            "ExpiredToken",
            "ExpiredTokenException",
            "RequestExpired",
            "RequestTimeTooSkewed",
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "SignatureDoesNotMatch",
            "IncompleteSignature",
            "InvalidSignatureException",
            "NotAuthorized",
            "OptInRequired",
            "AuthFailure",
        ),
        scope=Scope.ACCOUNT,
    ),
    Rule(
        "permission",
        "halt",
        "The credentials may not send this: the policy needs ses:SendEmail and ses:SendRawEmail "
        "on the sender's identity and the configuration set.",
        _DENIED,
    ),
    Rule(
        "ses_error",
        "unknown",
        "SES failed, and it cannot be told whether before or after it took the message.",
        _codes(
            "InternalFailure",
            "InternalServiceErrorException",
            "InternalServerError",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "RequestTimeout",
            "RequestTimeoutException",
            "408",
        ),
    ),
)

NOT_SES = Rule(
    "not_ses",
    "halt",
    "Something else than SES answered, and nothing was sent: check AWS_ENDPOINT_URL_SESV2, "
    "AWS_ENDPOINT_URL and the proxy (HTTPS_PROXY, NO_PROXY).",
    scope=Scope.ACCOUNT,
)
# SES has a code that this table does not know. It may pass; if it does not, there is a budget.
OTHER_CLIENT_ERROR = Rule(
    "refused", "retry", "SES refuses this message for a reason that Mailsluice does not know."
)
OTHER_SERVER_ERROR = Rule(
    "ses_error",
    "unknown",
    "SES failed, and it cannot be told whether before or after it took the message.",
)
STS_ERROR = Rule(
    "credentials",
    "halt",
    "AWS credentials could not be fetched, and nothing was sent: check the role, its trust policy "
    "and the web identity token.",
    scope=Scope.ACCOUNT,
)
