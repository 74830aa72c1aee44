"""What it means that the SDK has no answer of SES: the one table of its exceptions.

Only what cannot but precede the request is listed. Of everything else SES may have taken the
message.
"""

from __future__ import annotations

from botocore import exceptions as boto

from worker.ses.outcomes import Scope
from worker.ses.rules import Rule

NOT_CONNECTED = Rule(
    "unreachable",
    "halt",
    "SES could not be reached, and nothing was sent: check the network, the proxy and the "
    "certificates.",
    scope=Scope.HOST,
)
NO_CREDENTIALS = Rule(
    "credentials",
    "halt",
    "No AWS credentials could be found or refreshed.",
    scope=Scope.HOST,
)
NOT_CONFIGURED = Rule(
    "configuration",
    "halt",
    "The AWS SDK cannot make calls as it is configured, and nothing was sent: check AWS_REGION, "
    "the AWS configuration file and what is installed.",
    scope=Scope.HOST,
)
MALFORMED = Rule("invalid", "reject", "The request to SES would be malformed; nothing was sent.")
ANSWER_LOST = Rule(
    "answer_lost", "unknown", "The request left, but no answer came back: SES may have taken it."
)

# The first row that fits counts, and it counts for what is derived from a listed error too.
BEFORE_THE_REQUEST: tuple[tuple[Rule, tuple[type[boto.BotoCoreError], ...]], ...] = (
    (
        NOT_CONNECTED,
        (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError),
    ),
    (
        NO_CREDENTIALS,
        (
            boto.CredentialRetrievalError,
            boto.InvalidIMDSEndpointError,
            boto.InvalidIMDSEndpointModeError,
            boto.LoginError,
            boto.MetadataRetrievalError,
            boto.NoAuthTokenError,
            boto.NoCredentialsError,
            boto.PartialCredentialsError,
            boto.ProfileNotFound,
            boto.RefreshWithMFAUnsupportedError,
            boto.SSOError,
            boto.TokenRetrievalError,
            boto.UnknownCredentialError,
            boto.UnknownTokenProviderError,
        ),
    ),
    (
        NOT_CONFIGURED,
        (
            boto.ApiVersionNotFoundError,
            boto.BaseEndpointResolverError,
            boto.ConfigNotFound,
            boto.ConfigParseError,
            boto.DataNotFoundError,
            boto.EndpointProviderError,
            boto.InvalidChecksumConfigError,
            boto.InvalidConfigError,
            boto.InvalidDefaultsMode,
            boto.InvalidEndpointConfigurationError,
            boto.InvalidEndpointDiscoveryConfigurationError,
            boto.InvalidHostLabelError,
            boto.InvalidProxiesConfigError,
            boto.InvalidRegionError,
            boto.InvalidRetryConfigurationError,
            boto.InvalidSTSRegionalEndpointsConfigError,
            boto.MD5UnavailableError,
            boto.MissingDependencyException,
            boto.ServiceNotInRegionError,
            boto.UnknownRegionError,
            boto.UnknownServiceStyle,
            boto.UnknownSignatureVersionError,
            boto.UnsupportedServiceProtocolsError,
            boto.UnsupportedSignatureVersionError,
        ),
    ),
    (
        MALFORMED,
        (boto.MissingParametersError, boto.ParamValidationError, boto.ValidationError),
    ),
)

# Other TLS errors can come in the middle of an answer.
_HANDSHAKE_TEXTS = ("certificate", "handshake", "wrong version")


def rule_for(error: boto.BotoCoreError) -> Rule:
    """The row for an exception that brings no answer; `ANSWER_LOST` unless it is certain."""
    for rule, kinds in BEFORE_THE_REQUEST:
        if isinstance(error, kinds):
            return rule
    if isinstance(error, boto.SSLError) and _is_of_handshake(error):
        return NOT_CONNECTED
    return ANSWER_LOST


def _is_of_handshake(error: boto.SSLError) -> bool:
    text = str(error).casefold()
    return any(part in text for part in _HANDSHAKE_TEXTS)
