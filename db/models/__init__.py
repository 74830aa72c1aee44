"""The tables, by subject. A migration makes them, and a test holds the two together."""

from db.models.addresses import AddressKey, AddressSealing, EmailAddress
from db.models.base import Base
from db.models.feedback import (
    ConsumerWatermark,
    EmailBounce,
    EmailComplaint,
    EmailDelivery,
    EmailEvent,
)
from db.models.ledger import EmailMessage, EmailRecipient, MessageStart, RefusedMessage
from db.models.sending import (
    Gate,
    Pacer,
    ReputationResume,
    ReputationStanding,
    SentCount,
    SesAccount,
)
from db.models.suppression import (
    EmailSuppression,
    EmailSuppressionChange,
    SesSuppression,
    SesSuppressionReading,
)
from db.models.upkeep import RetentionMark, SchedulerDuty

__all__ = [
    "AddressKey",
    "AddressSealing",
    "Base",
    "ConsumerWatermark",
    "EmailAddress",
    "EmailBounce",
    "EmailComplaint",
    "EmailDelivery",
    "EmailEvent",
    "EmailMessage",
    "EmailRecipient",
    "EmailSuppression",
    "EmailSuppressionChange",
    "Gate",
    "MessageStart",
    "Pacer",
    "RefusedMessage",
    "ReputationResume",
    "ReputationStanding",
    "RetentionMark",
    "SchedulerDuty",
    "SentCount",
    "SesAccount",
    "SesSuppression",
    "SesSuppressionReading",
]
