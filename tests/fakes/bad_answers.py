"""What a server may put into a 200 in place of what was asked for, as bytes, and a server that does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_GOOD = b'{"id": 7, "status": "open"}'
NO_OBJECTS: Mapping[str, bytes] = {
    "nothing": b"",
    "blank": b" \r\n",
    "a page": b"<!doctype html><html><body>Sign in</body></html>",
    "a page in JSON's clothes": b'{"id": 7}<script>alert(1)</script>',
    "a text": b'"7"',
    "a number": b"7",
    "null": b"null",
    "true": b"true",
    "an array": b"[7]",
    "NaN": b'{"id": NaN}',
    "infinity": b'{"id": -Infinity}',
    "truncated": _GOOD[:-4],
    "two objects": _GOOD + _GOOD,
    "single quotes": _GOOD.replace(b'"', b"'"),
    "no UTF-8": b'{"id": "\xc3\x28"}',
    "UTF-16": _GOOD.decode().encode("utf-16"),
    "a raw NUL": b'{"id": "\x00"}',
    "100,000 deep": b'{"id":' * 100_000 + b"1" + b"}" * 100_000,
    "100,000 arrays": b"[" * 100_000,
    "300 digits too many": b'{"id": ' + b"9" * 5_000 + b"}",
}
"""Bodies that are no JSON object in UTF-8."""


def _object(**fields: object) -> bytes:
    return json.dumps({"id": 7, **fields}).encode()


def _nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = {"a": value}
    return value


OBJECTS: Mapping[str, bytes] = {
    "a byte-order mark": b"\xef\xbb\xbf" + _GOOD,
    "white space around": b"\n  " + _GOOD + b"\r\n",
    "an empty object": b"{}",
    "another object": b'{"error": "moved"}',
    "an id as a path": _object(id="../admin"),
    "an id with a line break": _object(id="7\r\nX-Admin: 1"),
    "an id of 2^63": _object(id=2**63),
    "an id of 300 digits": _object(id=int("9" * 300)),
    "an id of 1e5": b'{"id": 1e5}',
    "an id of -0.0": _object(id=-0.0),
    "an id that is true": _object(id=True),
    "no id": _object(id=None),
    "an id that is an object": _object(id={"id": 7}),
    "an id of 10,000 characters": _object(id="7" * 10_000),
    "repeated keys": b'{"id": 7, "id": 8, "status": 1, "status": {"a": 2}}',
    "names that collide": _object(ID=8, Id=9),
    "names that Delta refuses": _object(**{"a b": 1, "a;b": 2, "": 3, "a=b": 4, "\n": 5, "ü.é`": 6}),
    "3,000 fields": _object(**{f"f{n}": n for n in range(3_000)}),
    "500 deep": _object(deep=_nested(500)),
    "16 deep": _object(deep=_nested(16)),
    "a lone surrogate": _object(text="\ud800"),
    "a lone surrogate in a name": _object(**{"\ud800": 1, "a": {"\udfff": 1, "b": 2}}),
    "names that Java finds equal": b'{"id": "789", "\\u0131d": 1, "\\u0130D": 2, "\\u017ftatus": {"a": 1}}',
    "an escaped NUL": _object(text="a\u0000b"),
    "half a million elements": _object(many=[1] * 500_000),
    "a text of 2 MB": _object(text="x" * 2_000_000),
    "numbers at the edges": b'{"id": 7, "n": [1e400, -1e400, 2e-400, 9007199254740993, 1.7976931348623157e308]}',
    "projects that are none": b'{"projects": 7, "tasks": {"id": 7}}',
    "a page without end": b'{"id": 7, "projects": [], "tasks": [], "next": "?page=1"}',
    "a page that is no text": b'{"id": 7, "projects": [], "tasks": [], "next": "/api?x=\\ud800"}',
    "an id that is no text": b'{"id": "\\ud800"}',
    "a page elsewhere": b'{"id": 7, "projects": [], "tasks": [], "next": "https://evil.example.com/"}',
    "formulas and markup": _object(text='=HYPERLINK("x") <script>alert(1)</script>'),
}
"""JSON objects, none of which is what was asked for."""
BODIES = {**NO_OBJECTS, **OBJECTS}


@contextmanager
def answering(bodies: Mapping[str, bytes]) -> Iterator[str]:
    """The base URL of a server that answers a path that ends in n with 200 and the n-th body, while the block runs."""
    listed = list(bodies.values())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = listed[int(self.path.rsplit("/", 1)[1])]
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
