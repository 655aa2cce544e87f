"""ClaimX for benchmarks: the simulator with 20 ms of latency, the kernel before it, and the rivals."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import requests

from claimx_lib.connectors.api_settings import ApiSettings
from claimx_lib.connectors.claimx_api import OpenClaimX
from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.domain.enrichment import EnrichPolicy
from claimx_lib.domain.secret import Secret
from claimx_lib.partitions.enrich import enrich_batches
from claimx_lib.partitions.worker import WorkerMemory

TOKEN = "benchmark"  # the simulator's
LATENCY_SECONDS = 0.020
IN_FLIGHT = 32
UNPACED = 1e9


@contextmanager
def claimx() -> Iterator[Simulator]:
    """A simulator that knows every task and answers after 20 ms."""
    with Simulator(token=TOKEN) as simulator:
        simulator.control.switch(any_task=True, latency_seconds=LATENCY_SECONDS)
        yield simulator


def ids_of(count: int, *, start: int = 1) -> list[str]:
    """Distinct task ids."""
    return [str(start + n) for n in range(count)]


def kernel_seconds(simulator: Simulator, ids: list[str | None], *, rows_per_batch: int = 1_000) -> float:
    """How long the partition kernel takes for one row an id, its cache empty."""
    batches = [_batch(ids[at : at + rows_per_batch]) for at in range(0, len(ids), rows_per_batch)]
    opener = OpenClaimX(settings=ApiSettings(base_url=simulator.base_url, token=Secret(TOKEN)))
    policy = EnrichPolicy(max_concurrency=IN_FLIGHT, requests_per_second=UNPACED, budget_seconds=600)
    started = time.perf_counter()
    rows = enrich_batches(batches, open_client=opener, policy=policy, memory=WorkerMemory())
    enriched = sum(batch.column("enrichment_status").to_pylist().count("enriched") for batch in rows)
    seconds = time.perf_counter() - started
    if enriched != len(ids):
        raise RuntimeError(f"{enriched} of {len(ids)} rows enriched")
    return seconds


def _batch(ids: list[str | None]) -> pa.RecordBatch:
    return pa.record_batch(
        {"lookup_task_id": pa.array(ids, pa.string()), "lookup_project_id": pa.nulls(len(ids), pa.string())}
    )


def naive_seconds(simulator: Simulator, ids: list[str]) -> float:
    """How long a first version takes: `requests.get` for each row."""
    started = time.perf_counter()
    for id_ in ids:
        requests.get(
            f"{simulator.base_url}/api/v1/tasks/{id_}", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30
        ).raise_for_status()
    return time.perf_counter() - started


def leanest_seconds(simulator: Simulator, ids: list[str]) -> float:
    """How long the API itself takes: 32 connections, requests written beforehand, answers only counted."""
    started = time.perf_counter()
    asyncio.run(_leanest(int(simulator.base_url.rpartition(":")[2]), ids))
    return time.perf_counter() - started


async def _leanest(port: int, ids: list[str]) -> None:
    loop = asyncio.get_running_loop()
    left = iter([f"GET /api/v1/tasks/{id_} HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode() for id_ in ids])
    done = [loop.create_future() for _ in range(IN_FLIGHT)]
    for future in done:
        await loop.create_connection(lambda future=future: _Lean(left, future), "127.0.0.1", port)
    await asyncio.gather(*done)


class _Lean(asyncio.Protocol):
    """Sends the next request when an answer is in; every answer of the simulator fits one packet."""

    def __init__(self, left: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self._left = left
        self._done = done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        if not data.startswith(b"HTTP/1.1 200") or not data.endswith(b"}"):
            self._done.set_exception(RuntimeError(repr(data)))
            return
        self._next()

    def _next(self) -> None:
        request = next(self._left, None)
        if request is None:
            self._transport.close()
            self._done.set_result(None)
        else:
            self._transport.write(request)
