"""The one settings object. Every duration's unit is in its name."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict, SettingsError

from config.address_keys import AddressKeySettings
from config.encryption_keys import EncryptionKeySettings
from config.errors import ConfigurationError
from config.event_queues import queue_references
from config.masking import MASK, mask_password
from config.reputation import ReputationSettings
from config.retention import RetentionSettings
from config.senders import check_sender, names_its_sender
from config.streams import ConfigurationSetName, QueueName, Stream, build_streams
from config.suppression import SuppressionPolicy, SuppressionSettings
from config.topics import topic_arns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import ValidationInfo
    from pydantic_core import ErrorDetails

SnsVerify = Literal["foreign", "always", "never"]


def _names(*names: str) -> AliasChoices:
    return AliasChoices(*names)


class Settings(
    SuppressionSettings,
    ReputationSettings,
    RetentionSettings,
    EncryptionKeySettings,
    AddressKeySettings,
):
    """What every process shares, read from the environment.

    Names that users of SES know are honoured as they are; all others begin with `MAILSLUICE_`.
    """

    model_config = SettingsConfigDict(
        env_prefix="MAILSLUICE_", extra="ignore", frozen=True, populate_by_name=True
    )

    # --- what users of SES know
    aws_region: str = Field(
        default="", validation_alias=_names("AWS_REGION", "AWS_DEFAULT_REGION", "aws_region")
    )
    aws_access_key_id: str | None = Field(
        default=None, validation_alias=_names("AWS_ACCESS_KEY_ID", "aws_access_key_id")
    )
    aws_secret_access_key: SecretStr | None = Field(
        default=None, validation_alias=_names("AWS_SECRET_ACCESS_KEY", "aws_secret_access_key")
    )
    aws_ses_configuration_set: ConfigurationSetName | None = Field(
        default=None,
        validation_alias=_names("AWS_SES_CONFIGURATION_SET", "aws_ses_configuration_set"),
    )
    aws_ses_use_iam_role: bool = Field(
        default=False, validation_alias=_names("AWS_SES_USE_IAM_ROLE", "aws_ses_use_iam_role")
    )
    email_provider: Literal["ses", "aws_ses"] = Field(
        default="ses", validation_alias=_names("EMAIL_PROVIDER", "email_provider")
    )
    email_from: str | None = Field(
        default=None, validation_alias=_names("EMAIL_FROM", "AWS_SES_FROM_EMAIL", "email_from")
    )
    email_from_name: str | None = Field(
        default=None,
        validation_alias=_names("EMAIL_FROM_NAME", "AWS_SES_FROM_NAME", "email_from_name"),
    )
    database_url: SecretStr = Field(
        default=SecretStr(""), validation_alias=_names("DATABASE_URL", "database_url")
    )

    # --- queues
    # SQS takes 80 characters: prefix, "-", a stream of 40 at most, and "-dlq".
    queue_prefix: str = Field(default="mailsluice", pattern=r"^[A-Za-z0-9_-]{1,35}$")
    stream_overrides: dict[str, dict[str, Any] | None] = Field(
        default_factory=dict,
        validation_alias=_names("MAILSLUICE_STREAMS", "stream_overrides"),
        description="JSON object: stream name to its settings, or null to remove a default one",
    )
    events_queue: QueueName | None = None
    # Those of other regions and accounts, besides.
    events_queues: Annotated[tuple[str, ...], NoDecode] = ()
    events_pollers: int = Field(default=4, ge=1, le=64)
    receive_wait_seconds: int = Field(default=10, ge=1, le=20)
    visibility_timeout_seconds: int = Field(default=300, ge=5, le=43_200)
    sqs_counts_lag_seconds: float = Field(default=60, ge=1, le=600)
    max_receive_count: int = Field(default=10, ge=2, le=1000)

    # --- authenticity of events
    sns_verify: SnsVerify = "foreign"
    sns_topics: Annotated[tuple[str, ...], NoDecode] = ()
    # SNS tries for 23 days, and SQS keeps messages for 14, and for 14 more after a redrive.
    sns_max_age_days: float = Field(default=60, ge=1, le=3650)

    # --- time-outs of single calls
    connect_timeout_seconds: float = Field(default=3, gt=0, le=30)
    sqs_read_timeout_seconds: float = Field(default=20, gt=0, le=60)
    ses_read_timeout_seconds: float = Field(default=20, gt=0, le=60)
    database_connect_timeout_seconds: int = Field(default=5, ge=1, le=60)
    shutdown_seconds: float = Field(default=28, ge=1, le=600)
    database_statement_timeout_seconds: float = Field(default=10, gt=0, le=120)

    # --- sending
    concurrency: int = Field(default=96, ge=1, le=512)
    lease_seconds: float = Field(default=60, ge=5, le=3600)
    record_timeout_seconds: float = Field(default=20, ge=1, le=600)
    rate_utilisation: float = Field(default=0.98, gt=0, le=1)
    send_rate_per_second: float | None = Field(default=None, gt=0)
    retry_base_seconds: float = Field(default=5, gt=0)
    retry_max_seconds: float = Field(default=3600, gt=0)
    halt_seconds: float = Field(default=30, ge=1, le=3600)
    unknown_grace_seconds: float = Field(default=300, ge=1)

    # --- scheduler
    dispatch_interval_seconds: float = Field(default=1, gt=0, le=60)
    settle_interval_seconds: float = Field(default=5, gt=0, le=60)
    account_poll_seconds: float = Field(default=30, ge=1, le=600)
    queue_measure_seconds: float = Field(default=15, ge=1, le=600)

    # --- SES's own suppression list
    ses_suppression_sync: bool = False
    ses_suppression_sync_seconds: float = Field(default=900, ge=60, le=86_400)
    ses_suppression_full_hours: float = Field(default=24, ge=1, le=24 * 90)
    ses_suppression_follow_removals: bool = False

    # --- database
    database_pool_size: int = Field(default=10, ge=1, le=200)

    # --- seeing
    metrics_namespace: str = Field(default="mailsluice", pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")
    metrics_host: str = "0.0.0.0"  # noqa: S104  Prometheus scrapes from another host
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"

    @field_validator("email_provider", mode="before")
    @classmethod
    def _only_ses(cls, value: object) -> object:
        if value == "smtp":
            raise ValueError("SMTP is not supported by this version; set EMAIL_PROVIDER=ses")
        return value

    @field_validator(
        "email_from",
        "email_from_name",
        "aws_ses_configuration_set",
        "events_queue",
        mode="before",
    )
    @classmethod
    def _blank_is_none(cls, value: object) -> object:
        return (value.strip() or None) if isinstance(value, str) else value

    @field_validator("email_from")
    @classmethod
    def _sender(cls, value: str | None) -> str | None:
        return value and check_sender(value)

    @field_validator("email_from_name")
    @classmethod
    def _one_name(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and names_its_sender(info.data.get("email_from") or ""):
            raise ValueError("EMAIL_FROM holds a display name already; leave one of the two out")
        return value

    @field_validator("sns_topics", mode="before")
    @classmethod
    def _topic_arns(cls, value: object) -> object:
        return topic_arns(value) if isinstance(value, str) else value

    @field_validator("events_queues", mode="before")
    @classmethod
    def _queue_references(cls, value: object) -> object:
        return queue_references(value) if isinstance(value, str) else value

    @property
    def sns_max_age(self) -> timedelta:
        """The longest from the publishing of an event until it came to its queue."""
        return timedelta(days=self.sns_max_age_days)

    @cached_property
    def streams(self) -> dict[str, Stream]:
        """The streams by name."""
        return build_streams(
            self.stream_overrides,
            queue_prefix=self.queue_prefix,
            events_queue=self.events_queue_name,
            configuration_set=self.aws_ses_configuration_set,
        )

    @property
    def suppression_policy(self) -> SuppressionPolicy:
        """What events put on the suppression list."""
        return self.policy_for(self.streams)

    @property
    def events_queue_name(self) -> str:
        """Name of the SQS queue that SES's events arrive on."""
        return self.events_queue or f"{self.queue_prefix}-events"

    @property
    def events_queue_names(self) -> list[str]:
        """All queues that SES's events arrive on, as they are written; ours is the first."""
        return list(dict.fromkeys([self.events_queue_name, *self.events_queues]))

    def masked(self) -> dict[str, Any]:
        """All values for printing; secrets and the database's password are masked."""
        values = self.model_dump(mode="json")
        if self.aws_secret_access_key:
            values["aws_secret_access_key"] = MASK
        if self.aws_access_key_id:
            values["aws_access_key_id"] = self.aws_access_key_id[:4] + MASK
        values["address_keys"] = self.masked_address_keys()
        values["encryption_keys"] = self.masked_encryption_keys()
        values["database_url"] = mask_password(self.database_url.get_secret_value())
        return values


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401  any setting's type
    """Read the settings from the environment.

    Raises:
        ConfigurationError: naming each variable that is wrong, and why.
    """
    settings = _read(overrides)
    try:
        _ = settings.streams
    except ValidationError as error:
        raise _unusable(_of_a_stream(problem) for problem in error.errors()) from None
    return settings


def _read(overrides: dict[str, Any]) -> Settings:
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise _unusable(_of_a_setting(problem) for problem in error.errors()) from None
    except SettingsError:
        # The streams are the only setting that is JSON.
        raise ConfigurationError(
            "MAILSLUICE_STREAMS is not a JSON object, for example "
            '{"receipts": {"configuration_set": "receipts"}, "marketing": null}'
        ) from None


def _unusable(problems: Iterable[str]) -> ConfigurationError:
    lines = "\n".join(f"  {problem}" for problem in problems)
    return ConfigurationError(f"The settings are not usable:\n{lines}")


def _of_a_stream(problem: ErrorDetails) -> str:
    return _sentence("MAILSLUICE_STREAMS", problem["loc"], problem)


def _of_a_setting(problem: ErrorDetails) -> str:
    first, *rest = problem["loc"]
    return _sentence(_variable(str(first)), rest, problem)


def _sentence(variable: str, within: Sequence[int | str], problem: ErrorDetails) -> str:
    place = ".".join([variable, *map(str, within)])
    return f"{place}: {problem['msg'].removeprefix('Value error, ')}"


def _variable(found_as: str) -> str:
    """The environment variable to mend; pydantic names a setting's first one, set or not."""
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        names = alias.choices if isinstance(alias, AliasChoices) else [f"MAILSLUICE_{name.upper()}"]
        if found_as == name or found_as in names:
            return next((str(each) for each in names if str(each) in os.environ), str(names[0]))
    return found_as
