"""Every kind of input that has broken a pipeline somewhere, as bytes; most of them mention template 32513."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.fakes.world import with_task

ID = b"32513"
AT = "2026-01-10T10:00:00Z"
NO_OBJECT = 23
"""So many of the list are no JSON object; they come first."""


def spoilt(made: Callable[..., dict[str, Any]]) -> dict[str, bytes | None]:
    """By name: records that are no JSON object, and messages of `made(event_id, **fields)` with one thing wrong."""
    repeated = _bytes(made("rep")).replace(b"{", b'{"event_id": "first", "timestamp": null, ', 1)
    odd = {name: _bytes(value) for name, value in _odd_fields(made).items()}
    return {**_not_json(made), **odd, "repeated keys": repeated}


def _bytes(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()


def _not_json(made: Callable[..., dict[str, Any]]) -> dict[str, bytes | None]:
    good = _bytes(made("enc"))
    return {
        "null": None,
        "empty": b"",
        "blank": b" \t\r\n",
        "bytes": b"\xff\xfe\xfd" + ID,
        "invalid UTF-8 in a text": good.replace(b"enc", b"\xc3\x28"),
        "byte-order mark": b"\xef\xbb\xbf" + good,
        "UTF-16": good.decode().encode("utf-16"),
        "encoded surrogate": good.replace(b"enc", b"\xed\xa0\x80"),
        "raw NUL": good.replace(b"enc", b"e\x00c"),
        "truncated": good[:-20],
        "array": b"[" + good + b"]",
        "text": b'"32513"',
        "number": ID,
        "null literal": b"null",
        "NaN": good.replace(b"11", b"NaN"),
        "two objects": good + good,
        "something behind": good + b" 32513",
        "array's end behind": good + b"]32513",
        "array's end and another behind": good + b"]" + good,
        "another and an array's end behind": good + b",{}]",
        "single quotes": good.replace(b'"', b"'"),
        "a wrong literal in an array": _bytes({**made("lit"), "task": ["lit"]}).replace(b'["lit"]', b"[nul, 32513]"),
        "10,000 deep": good[:-1] + b', "deep": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
    }


ODD_CLAIMS = (
    None, "", " \t", "1e5", 1e5, 2**53 + 1, 2**63, int("9" * 300), -0.0, 0, -5, True, ["a"], {"a": 1}, {"a": 1, "\ud800": 2}, "A B", "A\tB", "a\r\nb",
    "\x00", "\u202eABC", "A\u200bB", "e\u0301", "\u00e9", "\U0001f600", "\ud800", "x" * 10_000, "000", "---", "-0-0", "../admin",
    "a&b=c", "%2e%2e", '=HYPERLINK("x")', "<script>", "'; DROP TABLE x; --", "\u00df", "\u0131", "\uff21\uff11",
)  # fmt: skip
"""Claim numbers of every wrong kind, and right ones that look wrong."""
ODD_TYPES = (None, 5, {}, "OTHER", "x" * 9_000)
"""Types of events that are none of ours, or none."""
ODD_HEADERS: tuple[list[tuple[str, bytes | None]], ...] = (
    [],
    [("x-retry-count", b"\xff"), ("x-retry-count", b"-1"), ("", b""), ("\u202e", None)],
    [("x-retry-count", b"1"), ("x-retry-count", b"9" * 20)],
    [("x-retry-count", b"999999"), ("x-retry-after", b"1e400")],
    [("x-retry-after", b"999999999")],
    [("x-dead-letter-id", b"../../x"), ("x-replay-count", b"1")],
    [("x-dead-letter-id", b"a" * 64), ("x-replay-count", b"\xff"), ("x-source", b"\xff/0/1")],
    [("x-source", b"claimx.events/0/99999999999999999999")] * 2,
    [("h", bytes(range(256)))] * 50,
)
"""Headers that are no UTF-8, repeated, forged, or out of every range."""
ODD_PATHS = ("../admin", "%2e%2e%2f", "?x=", "#", "//host", "a\r\nb", ".")
"""Ids that would lead a URL elsewhere."""
ODD_PROJECTS = (
    *ODD_PATHS, "", None, {"a": 1}, 12345, "12\u202e34", 0, -1, 1.5, 2**63 - 1, 2**63, True, [1],
)  # fmt: skip


def _odd_fields(made: Callable[..., dict[str, Any]]) -> dict[str, dict[str, Any]]:
    odd = {
        "escaped NUL in a text": made("nul", note="a\u0000b"),
        "lone surrogate in a text": made("lone", note="\ud800"),
        "lone surrogate in a name": made("lone-name", note={"a": 1, "\ud800": 2}),
        "a task with a lone surrogate in a name": with_task(
            made("lone-task"), {"task_id": 32513, "a": 1, "\ud800": {"b": 1, "\udfff": 2}}
        ),
        "a task with names that Java finds equal": with_task(
            made("java-names"), {"task_id": 32513, "status": 5, "\u017ftatus": {"x": 1}, "ta\u017fk_id": 1}
        ),
        "500 deep": made("deep", note=_nested(500)),
        "a task 500 deep": with_task(made("deep-task"), {"task_id": 32513, "deep": _nested(500)}),
        "a task of many fields": with_task(
            made("wide-task"), {"task_id": 32513, **{f"k {n}": n for n in range(3_000)}}
        ),
        "a task with names that collide": with_task(made("repeated"), {"task_id": 32513, "A": 1, "a": 2, "a b": {}}),
        "a task with Spark's name for what is broken": with_task(
            made("corrupt"), {"task_id": 32513, "_corrupt_record": 1}
        ),
        "a million elements": made("many", note=[1] * 1_000_000),
        "many fields": made("wide", note={f"k{n}": n for n in range(5_000)}),
        "a text of 2 MB": made("long", note="x" * 2_000_000),
        "numbers at the edges": made("edges", note=[1e5, 2**53 + 1, 2**63, int("9" * 300), -0.0]),
        "markup": made("markup", note='<script>alert(1)</script> =HYPERLINK("x")'),
        "extra fields": made("extra", whatever={"a b": 1, "A B": {}}),
        "wrong case": {k.upper(): v for k, v in made("upper").items()} | {"also": 32513},
    }
    odd["project text that looks like JSON"] = made("looks", project="{}]")
    return odd | _odd_ids(made) | _odd_claims(made) | _odd_types(made)


def _odd_ids(made: Callable[..., dict[str, Any]]) -> dict[str, dict[str, Any]]:
    odd: dict[str, dict[str, Any]] = {}
    for project in ODD_PROJECTS:
        odd[f"project {project!r}"] = made(f"project-{project!r}", project_id=project)
    for assignment in (*ODD_PATHS, {"a": 1}, [1], 1.5, -1, 2**63, True):
        made_so = made(f"assignment-{assignment!r}", assignment_id=assignment)
        odd[f"assignment {assignment!r}"] = with_task(made_so, {"task_id": 32513, "assignment_id": assignment})
    for time in (1768048496, 1768048496789, 10**15 - 1, 1768048496789000, "2026-01-10T12:00:00", "0001-01-01T00:00:00Z",
                 "9999-12-31T00:00:00Z", "2026-02-30T00:00:00Z", None, "", {}, True, "1e400"):  # fmt: skip
        odd[f"time {time!r}"] = made(f"time-{time!r}", timestamp=time)
    for name, task in (("null", None), ("text", "task 32513"), ("array", [32513]), ("empty", {})):
        odd[f"task {name}"] = with_task(made(f"task-{name}"), task)
    for event_id in ("", " ", None, "\u200b", "e" * 10_000, "ü" * 100, 5, {"a": 1}):
        odd[f"event id {str(event_id)[:20]!r}"] = made(event_id)
    return odd


def _odd_claims(made: Callable[..., dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Task events and tracking messages have theirs in `project`, where others look second, or not at all."""
    bare = made("no-claim", project={"project_name": "House"})
    odd = {"no claim number": {k: v for k, v in bare.items() if k not in {"claim_number", "metadata"}}}
    for number, claim in enumerate(ODD_CLAIMS):
        odd[f"claim {number} of the project"] = made(f"claim-{number}", project={"claim_number": claim})
    return odd


def _odd_types(made: Callable[..., dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        f"event type {str(kind)[:20]!r}": made(f"type-{number}", event_type=kind)
        for number, kind in enumerate(ODD_TYPES)
    }


def _nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def as_bytes(value: Any) -> bytes | None:
    """The value of a record: bytes and nothing as they are, anything else as JSON."""
    return value if isinstance(value, bytes) or value is None else _bytes(value)


def identity(event_id: Any = "i", **fields: Any) -> dict[str, Any]:
    """An identity event of `project.sync`."""
    made = {"event_id": event_id, "domain": "claimx", "claim_number": "C-9", "project_id": 11, "task": {}}
    return {**made, "timestamp": AT, **fields}


def project(event_id: Any = "p", **fields: Any) -> dict[str, Any]:
    """A project event of `claimx.events`."""
    made = {"event_id": event_id, "event_type": "PROJECT_CREATED", "project_id": 11, "task": {}}
    return {**made, "timestamp": AT, "metadata": {"claim_number": "C-9"}, **fields}


def estimate(event_id: Any = "x", **fields: Any) -> dict[str, Any]:
    """An estimate of `xact.events`."""
    made = {"event_id": event_id, "event_type": "ESTIMATE_CREATED", "claim_number": "C-9", "estimate": {"id": 11}}
    return {**made, "timestamp": AT, "task": {}, **fields}


def spoilt_as(mark: str, made: Callable[..., dict[str, Any]]) -> list[bytes | None]:
    """The list, with event ids that no other topic's list has."""

    def marked(event_id: Any, **fields: Any) -> dict[str, Any]:
        if isinstance(event_id, str) and event_id.strip():
            return made(f"{mark}{event_id}", **fields)
        own = {int: lambda: event_id + ord(mark), dict: lambda: {mark: 1}}.get(type(event_id), lambda: event_id)
        return made(own(), **fields)

    return list(spoilt(marked).values())
