"""How the simulated SNS may be set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class SnsSettings:
    """Settings of SNS.

    Attributes:
        certificate_url: What envelopes name as `SigningCertURL`; empty for the simulator's own
            address, where the certificate really is.
        enforce_policies: Deliver nothing to a queue, and take nothing for a topic, that has no
            policy. A policy that exists is always obeyed.
    """

    latency_seconds: float = 0.0
    certificate_url: str = ""
    enforce_policies: bool = False
