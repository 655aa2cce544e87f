"""The console over Delta tables made by delta-rs, asked through HTTP in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from claimx_lib.config.load import load
from claimx_lib.console.app import application
from claimx_lib.console.desk import Desk
from claimx_lib.console.security import Gate
from claimx_lib.operations.decisions import Decisions
from tests.fakes.claimx import FakeClaimX
from tests.fakes.console import Browser, FixedClock, Recorded
from tests.fakes.warehouse import Tables

ORIGIN = "http://127.0.0.1:8765"


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path).create()


@pytest.fixture
def actions() -> Recorded:
    return Recorded()


@pytest.fixture
def claimx() -> FakeClaimX:
    return FakeClaimX()


@pytest.fixture
def opened(tables: Tables, actions: Recorded, claimx: FakeClaimX) -> Callable[..., Browser]:
    """A browser at a console with another gate, or other settings, than the usual ones."""

    def open_with(gate: Gate, base_url: str = ORIGIN, *, sets: Sequence[str] = ()) -> Browser:
        desk = Desk(
            settings=load(environ={"CLAIMX_API_TOKEN": "x"}, sets=list(sets)),
            tables=tables.sql,
            gate=gate,
            clock=FixedClock(),
            api=lambda: claimx,
            decisions=Decisions(tables=tables.sql, actions=actions),
        )
        return Browser(application(desk), base_url=base_url)

    return open_with


@pytest.fixture
def browser(opened: Callable[..., Browser]) -> Browser:
    """A browser at a console on loopback, where names are typed."""
    return opened(Gate(host="127.0.0.1", port=8765))
