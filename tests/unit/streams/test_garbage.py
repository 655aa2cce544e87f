"""When Python's garbage is collected: at the first batch that finds it due, once for all jobs."""

from __future__ import annotations

import gc
import weakref

from claimx_lib.streams.garbage import Collector
from tests.fakes.clock import FakeClock


class Node:
    """Something that holds itself."""

    def __init__(self) -> None:
        self.me = self


def test_what_lies_in_cycles_goes_when_it_is_due() -> None:
    """At the first call, then not before the time is over."""
    clock = FakeClock()
    collector = Collector(10.0, monotonic=clock.monotonic)
    gone = []
    gc.disable()
    try:
        for wait in (0.0, 9.0, 1.0):
            clock.sleep(wait)
            node = weakref.ref(Node())
            assert collector.collect_if_due() is (node() is None)
            gone.append(node() is None)
    finally:
        gc.enable()
    assert gone == [True, False, True]
