"""I9: the token stands nowhere but where it is read."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.evidence import Evidence, several


def nothing_leaks(evidence: Evidence) -> Iterator[str]:
    """I9: neither logs, checkpoints and tables nor messages, their keys and headers hold it."""
    yield from several("I9: the token stands in", evidence.leaks)
    if not evidence.jvm_logs:
        yield "I9: no log of Spark's JVM was there to be searched"
