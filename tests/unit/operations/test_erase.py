from __future__ import annotations

import pytest

from claimx_lib.operations.erase import ERASED_FROM, LINKS, due
from claimx_lib.schemas.tables import LEDGER, TRACKING


@pytest.mark.parametrize(
    ("tables", "is_amid", "wanted"),
    [
        ((TRACKING.name, *LINKS), False, [TRACKING.name]),
        ((TRACKING.name, LEDGER.name), True, [TRACKING.name, LEDGER.name]),
        (LINKS, True, []),
        (LINKS, False, list(LINKS)),
        ((), False, []),
    ],
    ids=["others first", "whatever is at work", "not while a batch may write", "last", "nothing left"],
)
def test_what_links_claim_and_project_goes_last(tables: tuple[str, ...], is_amid: bool, wanted: list[str]) -> None:  # noqa: FBT001
    """As long as anything else is left, or a batch may write once more, an erasure that starts again knows both ids."""
    left = {table: int(table in tables) for table in ERASED_FROM}
    assert due(left, is_amid=is_amid) == wanted
