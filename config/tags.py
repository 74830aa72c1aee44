"""The message tags that travel through SES, so that every event can name its message."""

from __future__ import annotations

MESSAGE_ID_TAG = "mailsluice-message-id"
STREAM_TAG = "mailsluice-stream"
