"""Which stored rows and letters a batch takes up."""

from __future__ import annotations

from datetime import datetime

from claimx_lib.domain.creation import intake
from claimx_lib.domain.creation.effects import AUTO_RECOVER
from claimx_lib.domain.creation.intake import Letter, PendingRow
from claimx_lib.domain.creation.policy import Policy
from claimx_lib.streams.creation_ports import Store

LEAST_SHARE = 4
"""Of the due rows that are read, one in so many has to be of a type that has a rule; else more are read."""


def due_rows(store: Store, now: datetime, limit: int | None, policy: Policy) -> list[PendingRow]:
    """Rows that are due, `limit` at most, and beside them as many whose type has lost its rule: they hold up nobody."""
    wanted = limit
    while True:
        rows = store.due(now, wanted)
        ruled = intake.readable(rows, policy.rules)
        if wanted is None or len(rows) < wanted or len(ruled) > wanted // LEAST_SHARE:
            ids = {row.event_id for row in ruled}
            others = intake.readable((row for row in rows if row.event_id not in ids), intake.EVERY_TYPE)
            return [*ruled[:limit], *others[:limit]]
        wanted *= LEAST_SHARE


def recoverable_letters(store: Store, changed: frozenset[str] | None, *, auto_recover: bool) -> list[Letter]:
    """Letters that the changed mappings may settle (None: all); without `auto_recover` those that a person has seen to."""
    if changed is not None and not changed:
        return []
    found = store.recoverable(changed)
    return found if auto_recover else [one for one in found if one.by not in {None, AUTO_RECOVER}]
