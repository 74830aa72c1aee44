"""Identities that may send; here each is verified as soon as it exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.aws.ses.addresses import bare, domain_of
from sandbox.aws.ses.errors import already_exists, bad_request, not_found
from sandbox.aws.ses.paging import page

if TYPE_CHECKING:
    from sandbox.aws.service import Call

Json = dict[str, Any]

_DKIM_TOKENS = [f"sandboxdkimtoken{number}" for number in (1, 2, 3)]


class Identities:
    """Addresses and domains, without regard to case."""

    def __init__(self) -> None:
        self._identities: dict[str, Json] = {}

    def covering(self, address: str) -> str | None:
        """The identity that covers a bare address: itself, its domain, or a parent domain."""
        if address.lower() in self._identities:
            return address.lower()
        domain = domain_of(address)
        while domain:
            if domain in self._identities:
                return domain
            domain = domain.partition(".")[2]
        return None

    def default_configuration_set(self, identity: str | None) -> str | None:
        found = self._identities.get(identity or "", {})
        return found.get("ConfigurationSetName")

    def create(self, call: Call) -> Json:
        """CreateEmailIdentity.

        Raises:
            SesError: It exists, or is neither address nor domain.
        """
        name = str(call.params.get("EmailIdentity", ""))
        if not name:
            raise bad_request("EmailIdentity is missing.")
        if "@" in name:
            bare(name)
        if name.lower() in self._identities:
            raise already_exists(f"Email identity {name} already exist.")
        identity = {
            "EmailIdentity": name,
            "Tags": call.params.get("Tags") or [],
            "ConfigurationSetName": call.params.get("ConfigurationSetName"),
        }
        self._identities[name.lower()] = identity
        return {
            "IdentityType": _kind(name),
            "VerifiedForSendingStatus": True,
            "DkimAttributes": _dkim(name),
        }

    def get(self, call: Call) -> Json:
        """GetEmailIdentity.

        Raises:
            SesError: There is none.
        """
        identity = self._find(call)
        name = identity["EmailIdentity"]
        answer = {
            "IdentityType": _kind(name),
            "FeedbackForwardingStatus": True,
            "VerifiedForSendingStatus": True,
            "VerificationStatus": "SUCCESS",
            "DkimAttributes": _dkim(name),
            "Policies": {},
            "Tags": identity["Tags"],
        }
        if identity["ConfigurationSetName"]:
            answer["ConfigurationSetName"] = identity["ConfigurationSetName"]
        return answer

    def list(self, call: Call) -> Json:
        """ListEmailIdentities.

        Raises:
            SesError: The page size or token is unfit.
        """
        entries = {
            name: {
                "IdentityType": _kind(name),
                "IdentityName": identity["EmailIdentity"],
                "SendingEnabled": True,
                "VerificationStatus": "SUCCESS",
            }
            for name, identity in self._identities.items()
        }
        return page("EmailIdentities", entries, call.params)

    def delete(self, call: Call) -> Json:
        """DeleteEmailIdentity.

        Raises:
            SesError: There is none.
        """
        del self._identities[self._find(call)["EmailIdentity"].lower()]
        return {}

    def put_configuration_set(self, call: Call) -> Json:
        """PutEmailIdentityConfigurationSetAttributes.

        Raises:
            SesError: There is no such identity.
        """
        self._find(call)["ConfigurationSetName"] = call.params.get("ConfigurationSetName")
        return {}

    def _find(self, call: Call) -> Json:
        name = str(call.params["EmailIdentity"])
        identity = self._identities.get(name.lower())
        if identity is None:
            raise not_found(f"Email identity {name} does not exist.")
        return identity


def _kind(name: str) -> str:
    return "EMAIL_ADDRESS" if "@" in name else "DOMAIN"


def _dkim(name: str) -> Json:
    if "@" in name:
        return {"SigningEnabled": False, "Status": "NOT_STARTED", "Tokens": []}
    return {
        "SigningEnabled": True,
        "Status": "SUCCESS",
        "Tokens": _DKIM_TOKENS,
        "SigningAttributesOrigin": "AWS_SES",
    }
