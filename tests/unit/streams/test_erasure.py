"""What is erased stays erased, also where the table that says so is gone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from claimx_lib.config.load import load
from claimx_lib.errors import TableError
from claimx_lib.streams.erasure import erased_ids


def test_a_batch_without_the_table_of_erased_ids_is_refused() -> None:
    """With a salt and without the table nothing is taken in: nobody knows who must stay out."""
    gone = SimpleNamespace(exists=lambda *_: False, location=lambda name: f"/w/{name}")
    settings = load(sets=["pii.erased_salt={env: SALT}"], environ={})
    with pytest.raises(TableError, match="/w/erased_ids: no such Delta table — bring it back"):
        erased_ids(SimpleNamespace(settings=settings, warehouse=gone, session=None))  # type: ignore[arg-type]
