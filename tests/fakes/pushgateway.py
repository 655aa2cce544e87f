"""A Pushgateway, small: takes groups, and shows them with the group's labels in place of the series' own."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families


class Pushgateway:
    """A server on loopback; a second series with the same name and labels is refused, as the real one does.

    With `authorization` it answers 401 to whoever does not send that header.
    """

    def __init__(self, *, authorization: str | None = None) -> None:
        self.authorization = authorization
        self.groups: dict[tuple[tuple[str, str], ...], str] = {}
        self.pushed_at: dict[tuple[tuple[str, str], ...], float] = {}
        self.pushes = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def page(self) -> str:
        """What it shows to Prometheus."""
        families: dict[str, Metric] = {}
        for group, text in self.groups.items():
            for family in text_string_to_metric_families(text):
                shown = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                for sample in family.samples:
                    shown.add_sample(sample.name, {**sample.labels, "instance": "", **dict(group)}, sample.value)
            when = families.setdefault("push_time_seconds", Metric("push_time_seconds", "Last push", "gauge"))
            when.add_sample("push_time_seconds", {"instance": "", **dict(group)}, self.pushed_at[group])
        registry = CollectorRegistry(auto_describe=False)
        registry.register(type("Shown", (), {"collect": lambda _: list(families.values())})())
        return generate_latest(registry).decode()

    def values(self, name: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Each series of this name, by its labels."""
        samples = [s for f in text_string_to_metric_families(self.page()) for s in f.samples if s.name == name]
        found = {tuple(sorted((k, v) for k, v in s.labels.items() if v)): s.value for s in samples}
        assert len(found) == len(samples), f"{name}: two series collided"
        return found

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                if self._refused():
                    return
                parts = [unquote(part) for part in self.path.removeprefix("/metrics/").split("/")]
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                group = tuple(zip(parts[::2], parts[1::2], strict=True))
                gateway.pushed_at[group] = time.time()
                gateway.groups[group] = body
                gateway.pushes += 1
                self.send_response(200)
                self.end_headers()

            def do_GET(self) -> None:
                if self._refused():
                    return
                self.send_response(200)
                self.end_headers()
                self.wfile.write(gateway.page().encode())

            def _refused(self) -> bool:
                is_refused = self.headers["Authorization"] != gateway.authorization
                if is_refused:
                    self.send_error(401)
                return is_refused

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        return Handler

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
