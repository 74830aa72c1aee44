"""Stream names as an operator types them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.errors import ConfigurationError

if TYPE_CHECKING:
    from config.settings import Settings


def known_stream(settings: Settings, name: str) -> str:
    """The name, if there is such a stream.

    Raises:
        ConfigurationError: there is none; the text lists those that there are.
    """
    if name not in settings.streams:
        raise ConfigurationError(
            f"There is no stream {name!r}. There are: {', '.join(settings.streams)}."
        )
    return name


def known_streams(settings: Settings, names: str | None) -> list[str]:
    """The streams of a list with commas, each once; all of them for None.

    Raises:
        ConfigurationError: one of them is unknown, or none is named.
    """
    if names is None:
        return list(settings.streams)
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    if not chosen:
        raise ConfigurationError(f"No stream is named. There are: {', '.join(settings.streams)}.")
    return list(dict.fromkeys(known_stream(settings, name) for name in chosen))
