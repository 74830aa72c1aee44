"""The small HTTP server of every process: `/metrics` for Prometheus and `/healthz`."""

from __future__ import annotations

import errno
import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from config.errors import ConfigurationError

if TYPE_CHECKING:
    from config.health import Progress
    from config.settings import Settings

log = structlog.get_logger(__name__)

DEFAULT_PORTS = {"worker": 9101, "scheduler": 9102, "events": 9103, "api": 9104}
PORTS_TRIED = 20


class Monitor:
    """Serves the metrics and the health of one process until `stop`."""

    def __init__(self, settings: Settings, process: str, progress: Progress) -> None:
        self.registry = CollectorRegistry()
        self._settings = settings
        self._process = process
        self._progress = progress
        self._server: ThreadingHTTPServer | None = None
        up = Gauge(
            "process_up",
            "1 while the process runs and all of its loops go round",
            ["process"],
            namespace=settings.metrics_namespace,
            registry=self.registry,
        )
        up.labels(process).set_function(lambda: 0.0 if progress.silent() else 1.0)

    @property
    def port(self) -> int:
        """The port that is listened on; 0 before `start`."""
        return self._server.server_port if self._server else 0

    def start(self) -> None:
        """Listen on the configured port, or on the process's default or one of the next ports.

        Raises:
            ConfigurationError: the configured port is taken, no default one is free, or the
                host is none of this machine's.
        """
        self._server = self._listen()
        threading.Thread(target=self._server.serve_forever, name="monitor", daemon=True).start()
        log.info("monitor listening", port=self.port)

    def stop(self) -> None:
        """Stop listening."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def _listen(self) -> ThreadingHTTPServer:
        chosen = self._settings.metrics_port
        default = DEFAULT_PORTS[self._process]
        ports = [chosen] if chosen is not None else range(default, default + PORTS_TRIED * 10, 10)
        for port in ports:
            try:
                return ThreadingHTTPServer((self._settings.metrics_host, port), self._handler())
            # A malformed name fails as a UnicodeError, before the resolver is asked.
            except (OSError, UnicodeError) as error:
                if getattr(error, "errno", None) != errno.EADDRINUSE:
                    raise self._cannot_listen(port, error) from None
        raise ConfigurationError(
            f"No port for the metrics of {self._process!r}: {', '.join(map(str, ports))} in use. "
            "Set MAILSLUICE_METRICS_PORT to a free one (0 takes any)."
        )

    def _cannot_listen(self, port: int, error: OSError | UnicodeError) -> ConfigurationError:
        said = getattr(error, "strerror", None) or str(error)
        return ConfigurationError(
            f"The metrics of {self._process!r} cannot be served on "
            f"{self._settings.metrics_host!r}, port {port}: {said.rstrip('.')}. Set "
            "MAILSLUICE_METRICS_HOST to an IPv4 address or a name of this machine (0.0.0.0 is all "
            "of them), and MAILSLUICE_METRICS_PORT to a port that this user may take."
        )

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry, progress = self.registry, self._progress

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/metrics"):
                    self._answer(HTTPStatus.OK, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry))
                elif self.path.startswith("/healthz"):
                    self._answer_health()
                else:
                    self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"/metrics or /healthz\n")

            def _answer_health(self) -> None:
                silent = progress.silent()
                status = HTTPStatus.SERVICE_UNAVAILABLE if silent else HTTPStatus.OK
                body = {"healthy": not silent, "silent_seconds": silent}
                self._answer(status, "application/json", json.dumps(body).encode() + b"\n")

            def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """A scrape every few seconds is no news."""

        return Handler
