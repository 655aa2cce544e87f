"""What a worker process keeps from batch to batch."""

from __future__ import annotations

from dataclasses import dataclass, field

from claimx_lib.domain.enrichment import EnrichPolicy
from claimx_lib.partitions.worker import WorkerMemory
from tests.fakes.claimx import FakeClaimX
from tests.fakes.clock import FakeClock


@dataclass(frozen=True)
class Open:
    """Opens a fake; equal by its token, as the real one is."""

    token: str
    opened: list[FakeClaimX] = field(default_factory=list, compare=False)

    def __call__(self) -> FakeClaimX:
        self.opened.append(FakeClaimX())
        return self.opened[-1]


def test_equal_settings_find_the_client_again():
    """The function is unpickled anew for each batch; client and cache are not."""
    memory = WorkerMemory()
    first = memory.session(Open("a"), EnrichPolicy(), FakeClock())
    assert memory.session(Open("a"), EnrichPolicy(requests_per_second=5), FakeClock()) is first


def test_a_rotated_token_has_a_client_and_a_cache_of_its_own():
    """What an old token was told says nothing about the new one."""
    memory = WorkerMemory()
    first = memory.session(Open("a"), EnrichPolicy(), FakeClock())
    second = memory.session(Open("b"), EnrichPolicy(), FakeClock())
    assert first.client is not second.client
    assert first.cache is not second.cache


def test_only_the_last_few_clients_are_kept_open():
    """I12: a token that rotates every hour does not fill the worker with connections."""
    memory = WorkerMemory()
    openers = [Open(str(n)) for n in range(6)]
    for opener in openers:
        memory.session(opener, EnrichPolicy(), FakeClock())
    assert [opener.opened[0].transport.is_closed for opener in openers] == [True, True, False, False, False, False]


def test_a_forked_child_opens_its_own():
    """Connections are never shared between processes."""
    process = [1]
    memory = WorkerMemory(process_id=lambda: process[0])
    parent = memory.session(Open("a"), EnrichPolicy(), FakeClock())
    process[0] = 2
    assert memory.session(Open("a"), EnrichPolicy(), FakeClock()).client is not parent.client
