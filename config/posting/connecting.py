"""The way to an AWS endpoint: directly or through a proxy, TLS as botocore does it.

urllib3 opens the connections. Nothing of a request leaves here, so whatever fails here is one of
the errors after which a message may safely be sent again.
"""

from __future__ import annotations

import os
import socket
import ssl
from typing import TYPE_CHECKING, Any

from botocore import exceptions as boto
from botocore.httpsession import (
    ProxyConfiguration,
    create_urllib3_context,
    get_cert_path,
    mask_proxy_url,
)
from botocore.session import get_session
from botocore.utils import get_environ_proxies
from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig, port_by_scheme
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util import parse_url
from urllib3.util.ssl_match_hostname import CertificateError

from config.errors import ConfigurationError

if TYPE_CHECKING:
    from urllib3.util import Url

_SOCKET_OPTIONS = [
    *HTTPConnection.default_socket_options,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
]


class Endpoint:
    """One URL, and how a connection to it is opened. Thread-safe.

    Attributes:
        url: The URL.
        host: What the `Host` header says.
        path: The URL's path.
        target: What the request line says: the path, or to a forwarding proxy the whole URL.
        headers: What every request needs on this way.
    """

    def __init__(self, url: str, *, connect_timeout_seconds: float) -> None:
        """Find the proxy and the certificates as botocore would, from the environment.

        Raises:
            ConfigurationError: The certificates of AWS_CA_BUNDLE cannot be read.
        """
        self.url = url
        self._origin = parse_url(url)
        self._timeout_seconds = connect_timeout_seconds
        proxies = ProxyConfiguration(get_environ_proxies(url))
        self._proxy_url: str | None = proxies.proxy_url_for(url)
        self._proxy = parse_url(self._proxy_url) if self._proxy_url else None
        self._proxy_headers = proxies.proxy_headers_for(self._proxy_url) if self._proxy_url else {}
        self._is_tunnel = self._proxy is not None and self._origin.scheme == "https"
        self._tls = self._tls_context()

        self.host = _host_header(self._origin)
        self.path = self._origin.path or "/"
        forwards = self._proxy is not None and not self._is_tunnel
        self.target = url if forwards else self.path
        self.headers = {"Host": self.host} | (self._proxy_headers if forwards else {})

    def connect(self) -> HTTPConnection:
        """Open a connection, TLS included.

        Raises:
            botocore.exceptions.EndpointConnectionError: The name is unknown, or nobody listens.
            botocore.exceptions.ConnectTimeoutError: Nobody answered in time.
            botocore.exceptions.ProxyConnectionError: The proxy cannot be reached, or refuses.
            botocore.exceptions.SSLError: The handshake failed; the text has the word in it.
        """
        connection = self._new()
        try:
            connection.connect()
        except Exception as error:
            connection.close()
            raise self._not_sent(error) from error
        return connection

    def _new(self) -> HTTPConnection:
        first = self._proxy or self._origin
        options: dict[str, Any] = {
            "host": first.host,
            "port": first.port or port_by_scheme[first.scheme or "http"],
            "timeout": self._timeout_seconds,
            "socket_options": _SOCKET_OPTIONS,
        }
        if self._proxy:
            options["proxy"] = self._proxy
            options["proxy_config"] = ProxyConfig(self._tls, not self._is_tunnel, None, None)
        if self._tls is None:
            return HTTPConnection(**options)
        connection = HTTPSConnection(ssl_context=self._tls, **options)
        if self._is_tunnel:
            connection.set_tunnel(
                self._origin.host or "",
                self._origin.port or port_by_scheme["https"],
                self._proxy_headers,
                scheme=first.scheme or "http",
            )
        return connection

    def _tls_context(self) -> ssl.SSLContext | None:
        schemes = {self._origin.scheme, self._proxy.scheme if self._proxy else None}
        if "https" not in schemes:
            return None
        path = (
            get_session().get_config_variable("ca_bundle")
            or os.environ.get("REQUESTS_CA_BUNDLE")
            or get_cert_path(verify=True)
        )
        context: ssl.SSLContext = create_urllib3_context()
        # Loaded once for all connections: it takes longer than a handshake.
        try:
            context.load_verify_locations(cafile=path)
        except OSError as error:
            raise ConfigurationError(
                f"The CA certificates in {path} cannot be read ({error}): correct AWS_CA_BUNDLE, "
                "REQUESTS_CA_BUNDLE or ca_bundle in the AWS configuration."
            ) from error
        return context

    def _not_sent(self, error: Exception) -> boto.BotoCoreError:
        if isinstance(error, (ssl.SSLError, CertificateError)):
            # Its text is what tells it from a TLS error in the middle of an answer.
            failed = ssl.SSLError(f"TLS handshake failed: {error}")
            return boto.SSLError(endpoint_url=self.url, error=failed)
        if self._proxy_url:
            return boto.ProxyConnectionError(proxy_url=mask_proxy_url(self._proxy_url), error=error)
        is_timeout = isinstance(error, (TimeoutError, ConnectTimeoutError))
        # urllib3 derives the one from the other.
        if is_timeout and not isinstance(error, NewConnectionError):
            return boto.ConnectTimeoutError(endpoint_url=self.url, error=error)
        return boto.EndpointConnectionError(endpoint_url=self.url, error=error)


def _host_header(url: Url) -> str:
    """The host, with its port unless that is the scheme's own."""
    is_usual = url.port in {None, port_by_scheme.get(url.scheme or "")}
    return (url.host or "") if is_usual else f"{url.host}:{url.port}"
