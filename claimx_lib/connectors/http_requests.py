"""The requests transport: the default for everything that the driver asks."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, cast
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError, ReadTimeoutError
from urllib3.response import HTTPResponse

from claimx_lib.connectors.http import CUT_SHORT, IDLE_SECONDS, TOO_LARGE, Exchange, WholeAnswerTimeout, unpacked
from claimx_lib.connectors.http_connect import connected
from claimx_lib.domain.api import ApiOutcome


class _PlainConnection(WholeAnswerTimeout, HTTPConnection):
    """urllib3's connection, with the whole answer's time bounded, and not used again after a long pause."""

    _used_at = 0.0

    def _new_conn(self) -> socket.socket:
        """urllib3's own gives the first address all the time: a POST would leave when nobody waits for its answer."""
        seconds = cast("float", self.timeout)
        try:
            sock = connected(self._dns_host.strip("[]"), self.port, until=time.monotonic() + seconds)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no connection in time") from error
        except OSError as error:
            raise NewConnectionError(self, "no connection") from error
        sock.settimeout(seconds)
        return sock

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        """As ever."""
        self._used_at = time.monotonic()
        return super().getresponse()

    @property
    def is_connected(self) -> bool:
        """What the pool asks before it hands out an idle one."""
        return super().is_connected and time.monotonic() - self._used_at < IDLE_SECONDS


class _TlsConnection(_PlainConnection, HTTPSConnection):
    """The same over TLS."""


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _PlainPool, "https": _TlsPool}


class _Adapter(HTTPAdapter):
    """Pools of such connections, with a proxy or without."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class RequestsTransport:
    """See `Transport`. Takes nothing from the environment: no proxy, no `.netrc`, no certificates; keeps no cookie."""

    def __init__(
        self,
        base_url: str,
        *,
        pool_size: int,
        max_response_bytes: int,
        ca_bundle: str | None = None,
        proxy_url: str | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._max_response_bytes = max_response_bytes
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = ca_bundle or True
        self._session.headers.clear()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        if proxy_url:
            self._session.proxies = {"http": proxy_url, "https": proxy_url}
        adapter = _Adapter(pool_connections=1, pool_maxsize=pool_size, max_retries=0)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def send(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None, timeout_seconds: float
    ) -> Exchange:
        """The exchange; the connection goes back to its pool only when its answer was read whole."""
        try:
            with self._session.request(
                method,
                self._origin + target,
                headers=dict(headers),
                data=body,
                timeout=urllib3.Timeout(connect=timeout_seconds / 2, total=timeout_seconds),  # type: ignore[arg-type]
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._read(response)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            self._session.close()  # what ended this connection may have ended the idle ones; the pool opens anew
            return _failed(error)

    def close(self) -> None:
        """Ends the pool."""
        self._session.close()

    def _read(self, response: requests.Response) -> Exchange:
        content = response.raw.read(self._max_response_bytes + 1, decode_content=False)
        if len(content) > self._max_response_bytes:
            return TOO_LARGE
        if response.raw.length_remaining:
            return CUT_SHORT
        exchange = Exchange(
            status=response.status_code,
            body=content,
            retry_after=response.headers.get("Retry-After"),
            link=response.headers.get("Link"),
        )
        return unpacked(exchange, response.headers.get("Content-Encoding"), most_bytes=self._max_response_bytes)


def _failed(error: BaseException) -> Exchange:
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Exchange(failure=ApiOutcome.NOT_SENT, detail="certificate refused")
    if any(_is_before_the_request(cause) for cause in causes):
        return Exchange(failure=ApiOutcome.NOT_SENT, detail="no connection")
    if any(isinstance(cause, ReadTimeoutError | TimeoutError) for cause in causes):
        return Exchange(failure=ApiOutcome.TIMEOUT)
    if any(isinstance(cause, urllib3.exceptions.IncompleteRead) for cause in causes):
        return CUT_SHORT
    if any(isinstance(cause, OSError) and not isinstance(cause, requests.RequestException) for cause in causes):
        return Exchange(failure=ApiOutcome.RESET)
    return Exchange(failure=ApiOutcome.BAD_BODY, detail="not HTTP")


def _is_before_the_request(cause: BaseException) -> bool:
    """Nobody was reached, or a proxy opened no tunnel. A ProxyError alone says neither: urllib3 makes one, too, of a
    connection that ends once the request was read.
    """
    if isinstance(cause, NewConnectionError | ConnectTimeoutError):
        return True
    return isinstance(cause, OSError) and str(cause).startswith("Tunnel connection failed")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything it came from: requests wraps urllib3's, urllib3 wraps the socket's."""
    waiting, seen = [error], set()
    while waiting:
        cause = waiting.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
        waiting.extend(item for item in inner if isinstance(item, BaseException))
