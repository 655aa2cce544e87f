"""What a Python worker process keeps from one batch to the next."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Protocol

from claimx_lib.domain.api import ClaimXApi
from claimx_lib.domain.clock import Clock
from claimx_lib.domain.enrichment import EnrichPolicy
from claimx_lib.domain.rate import RateLimiter
from claimx_lib.partitions.cache import AnswerCache
from claimx_lib.partitions.shared_cache import SharedCache

_MOST_CLIENTS = 4  # a rotated token makes a new one; the older ones are closed


class OpenClient(Hashable, Protocol):
    """Opens a client where it is called; equal for equal settings, so that a worker finds its client again."""

    def __call__(self) -> ClaimXApi:
        """A client of its own."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A client with its cache and its pace; they live and die together."""

    client: ClaimXApi
    cache: AnswerCache
    shared: SharedCache | None
    limiter: RateLimiter

    def close(self) -> None:
        """End its connections, and the file that it shares."""
        self.client.close()
        if self.shared is not None:
            self.shared.remove()


class WorkerMemory:
    """The sessions of this process, made on first use and never shared with a forked child."""

    def __init__(self, process_id: Callable[[], int] = os.getpid) -> None:
        self._process_id = process_id
        self._sessions: OrderedDict[tuple[int, OpenClient, str | None], Session] = OrderedDict()

    def session(self, open_client: OpenClient, policy: EnrichPolicy, clock: Clock) -> Session:
        """The session of these settings at this policy's pace; its cache is as earlier batches left it."""
        key = (self._process_id(), open_client, policy.shared_cache)
        session = self._sessions.get(key) or Session(
            client=open_client(),
            cache=AnswerCache(max_entries=policy.cache_max_entries, max_bytes=policy.cache_max_bytes),
            shared=SharedCache.of_executor(policy.shared_cache, max_bytes=policy.cache_max_bytes),
            limiter=RateLimiter(policy.requests_per_second, clock),
        )
        session.limiter.set_pace(policy.requests_per_second)
        self._sessions[key] = session
        self._sessions.move_to_end(key)
        self._forget_oldest()
        return session

    def _forget_oldest(self) -> None:
        while len(self._sessions) > _MOST_CLIENTS:
            (process_id, _, _), session = self._sessions.popitem(last=False)
            if process_id == self._process_id():
                session.close()


PROCESS_MEMORY = WorkerMemory()
