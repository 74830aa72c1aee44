"""Amazon SQS for Celery: a transport that no answer of SQS and no message can stop.

Importing this package registers it with kombu, as `Celery(broker="mailsluice-sqs://")`. It is a
subclass of kombu's SQS transport and leans on internals of kombu and Celery 5.7.0, threads pool.
"""

from __future__ import annotations

from kombu.transport import TRANSPORT_ALIASES

from worker.transport.options import BadTransportOptionsError, Screened, TransportOptions
from worker.transport.request import Received, give_back, received
from worker.transport.settings import SCHEME, TRANSPORT, celery_settings
from worker.transport.sqs import client_from_environment
from worker.transport.transport import Transport

TRANSPORT_ALIASES[SCHEME] = TRANSPORT

__all__ = [
    "BadTransportOptionsError",
    "Received",
    "Screened",
    "Transport",
    "TransportOptions",
    "celery_settings",
    "client_from_environment",
    "give_back",
    "received",
]
