from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.faults.evidence import NOT_OURS, OURS, REFUSED
from tests.faults.feed import Feed, TrackingFeed
from tests.faults.feed_both import BothFeed
from tests.faults.feed_identity import IdentityFeed

START = datetime(2026, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("kind", [TrackingFeed, IdentityFeed, BothFeed])
def test_a_feed_follows_from_its_seed(kind: type[Feed]) -> None:
    """The same seed sends the same bytes in the same order."""
    one, other = kind(5, START), kind(5, START)
    assert [one.burst() for _ in range(4)] == [other.burst() for _ in range(4)]


@pytest.mark.parametrize("kind", [TrackingFeed, IdentityFeed])
def test_a_burst_has_good_bad_and_foreign_records_and_repeats(kind: type[Feed]) -> None:
    """Each burst holds what is ours, what is refused, what is not ours, and deliveries of earlier records."""
    feed = kind(5, START)
    feed.burst()
    items = feed.burst().items
    assert {OURS, REFUSED, NOT_OURS} <= {item.outcome for item in items}
    assert max(Counter(item.value for item in feed.sent + items).values()) > 1


def test_a_late_mapping_comes_with_a_later_burst() -> None:
    """Some claims are mapped only after their estimate was sent."""
    feed = IdentityFeed(5, START)
    bursts = [feed.burst().items for _ in range(10)]
    late = {item.key for burst in bursts for item in burst if item.kind == "mapped later"}
    first = {key: next(n for n, b in enumerate(bursts) if any(i.key == key for i in b)) for key in late}
    said = {
        key: [n for n, b in enumerate(bursts) if any((i.key, i.role) == (key, "project_sync") for i in b)]
        for key in late
    }
    assert late
    assert all(min(rounds, default=10) > first[key] for key, rounds in said.items())
