"""What tests of decisions about letters share."""

from __future__ import annotations

import pytest

from claimx_lib.config.load import load
from claimx_lib.operations.dlq import LetterDesk
from tests.fakes.clock import FakeClock
from tests.fakes.warehouse import Tables


@pytest.fixture
def sent() -> list:
    """The messages that the desk has sent."""
    return []


@pytest.fixture
def desk(tables: Tables, sent: list) -> LetterDesk:
    """A desk over the module's `tables`, whose messages go nowhere."""
    settings = load(sets=[f"storage.warehouse={tables.root}"], environ={"CLAIMX_API_TOKEN": "t"})

    def keep(messages):
        sent.extend(messages)
        return len(sent)

    return LetterDesk(settings=settings, tables=tables.sql, send=keep, clock=FakeClock())
