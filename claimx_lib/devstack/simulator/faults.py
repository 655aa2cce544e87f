"""Scripted faults: which request is hit, and what befalls it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, fields
from enum import StrEnum, unique
from fnmatch import fnmatchcase
from typing import Any


@unique
class FaultKind(StrEnum):
    """What can befall a request."""

    LATENCY = "latency"
    """The answer comes `seconds` later; goes together with any other fault."""
    STATUS = "status"
    """`status` in place of the answer, nothing done; `retry_after` goes into its header as it is."""
    HANG = "hang"
    """Nothing done, no answer, the connection stays."""
    RESET = "reset"
    """Nothing done, the connection is reset."""
    DROP_AFTER_COMMIT = "drop_after_commit"
    """All is done, then the connection is reset in place of the answer."""
    HANG_AFTER_COMMIT = "hang_after_commit"
    """All is done, and no answer comes."""
    LATE_COMMIT = "late_commit"
    """All is done `seconds` later, whether or not anybody still waits."""
    DRIP = "drip"
    """The answer comes byte by byte, `seconds` apart."""
    GARBAGE = "garbage"
    """All is done; 200 with bytes that are no text."""
    NOT_HTTP = "not_http"
    """All is done; bytes that are no HTTP at all."""
    HTML = "html"
    """All is done; 200 with a page."""
    TRUNCATED_JSON = "truncated_json"
    """All is done; half of the JSON, with a length that fits the half."""
    CUT_SHORT = "cut_short"
    """All is done; half of the body, then the connection ends."""
    REDIRECT = "redirect"
    """302 to `location`, nothing done."""
    IGNORE_FILTER = "ignore_filter"
    """A search answers with everything there is."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """A rule: requests of `method` whose path matches `path` (both may hold `*`), from the `skip`-th match on, `count`
    of them (None: all), each with `probability` from a generator seeded with `seed`.
    """

    kind: FaultKind
    method: str = "*"
    path: str = "*"
    count: int | None = None
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    seconds: float = 0.0
    status: int = 500
    retry_after: str | None = None
    location: str = "http://192.0.2.1/"
    chance: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.kind = FaultKind(self.kind)
        self.chance = random.Random(self.seed)  # noqa: S311 # a script to repeat, no secret

    def hits(self, method: str, path: str) -> bool:
        """Whether this request is hit; counts it."""
        if self.count == 0 or not fnmatchcase(method, self.method) or not fnmatchcase(path, self.path):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.chance.random() >= self.probability:
            return False
        if self.count is not None:
            self.count -= 1
        return True


def fault_of(script: dict[str, Any]) -> Fault:
    """The fault that a JSON object describes; raises ValueError for an unknown key or kind."""
    unknown = set(script) - {known.name for known in fields(Fault) if known.init}
    if unknown or "kind" not in script:
        raise ValueError(f"a fault has a kind, and no {sorted(unknown)}")
    return Fault(**script)


@dataclass(slots=True)
class FaultScript:
    """The faults in force, in the order given."""

    faults: list[Fault] = field(default_factory=list)

    def befalling(self, method: str, path: str) -> tuple[float, Fault | None]:
        """Seconds of latency, which add up, and the first other fault that hits."""
        latency, hit = 0.0, None
        for fault in self.faults:
            if fault.kind is FaultKind.LATENCY:
                latency += fault.seconds if fault.hits(method, path) else 0.0
            elif hit is None and fault.hits(method, path):
                hit = fault
        return latency, hit
