"""E-mail addresses as SES takes and refuses them."""

from __future__ import annotations

import re

from sandbox.aws.ses.errors import bad_request

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")
_QUOTED_LOCAL_PART = re.compile(r'"[\x20-\x7e]+"')
_DOMAIN = re.compile(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f.:]+\]")
_CONTROL_OR_WHITESPACE = re.compile(r"[\x00-\x20\x7f]")
_SIMULATOR_DOMAIN = "simulator.amazonses.com"


def bare(address: str) -> str:
    """The address without its display name, if it is fit to mail.

    Raises:
        SesError: It is not; the text is the one SES gives.
    """
    spec = _without_display_name(address)
    local, at, domain = spec.rpartition("@")
    if not at:
        raise bad_request("Missing final '@domain'")
    _check_local(local)
    _check_domain(domain)
    return spec


def domain_of(address: str) -> str:
    """The domain of a bare address, in lower case."""
    return address.rpartition("@")[2].lower()


def simulated_fate(address: str) -> str | None:
    """What the mailbox simulator does with a bare address, such as `bounce`; None for others."""
    local, _, domain = address.lower().rpartition("@")
    return local.partition("+")[0] if domain == _SIMULATOR_DOMAIN else None


def _without_display_name(address: str) -> str:
    address = address.strip()
    if "<" not in address:
        return address
    name, _, rest = address.rpartition("<")
    if not rest.endswith(">") or "<" in name.replace('"', ""):
        raise bad_request("Illegal address")
    return rest[:-1]


def _check_local(local: str) -> None:
    if not local:
        raise bad_request("Missing local name")
    if _QUOTED_LOCAL_PART.fullmatch(local):
        return
    if _CONTROL_OR_WHITESPACE.search(local):
        raise bad_request("Local address contains control or whitespace")
    if not _LOCAL_PART.fullmatch(local):
        raise bad_request("Local address contains illegal character")
    if local.startswith("."):
        raise bad_request("Local address starts with dot")
    if local.endswith("."):
        raise bad_request("Local address ends with dot")
    if ".." in local:
        raise bad_request("Local address contains dot-dot")


def _check_domain(domain: str) -> None:
    if not domain:
        raise bad_request("Missing domain")
    if _CONTROL_OR_WHITESPACE.search(domain):
        raise bad_request("Domain contains control or whitespace")
    if not _DOMAIN.fullmatch(domain):
        raise bad_request("Domain contains illegal character")
    if domain.startswith("."):
        raise bad_request("Domain starts with dot")
    if ".." in domain:
        raise bad_request("Domain contains dot-dot")
