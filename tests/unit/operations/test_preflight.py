"""What a start is refused for before a JVM is there: what is erased must stay out."""

from __future__ import annotations

from pathlib import Path

import pytest

from claimx_lib.config.load import load
from claimx_lib.config.settings import Settings
from claimx_lib.domain.flow import STREAMS
from claimx_lib.errors import ConfigError, TableError
from claimx_lib.operations import preflight
from tests.fakes.warehouse import NOW, Tables

SALT = "pii.erased_salt={env: SALT_OF_THIS_TEST}"
ERASED = {"erased_id": "ab", "kind": "claim", "at": NOW, "by": "ann", "why": "asked"}


def settings_at(root: Path, *sets: str) -> Settings:
    return load(sets=[f"storage.warehouse={root}", *sets], environ={})


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tables:
    """Somebody is erased; neither a broker nor the tables' versions are looked at."""
    monkeypatch.setattr(preflight, "_require_topics", lambda *_: None)
    monkeypatch.setattr(preflight, "require_tables", lambda *_: None)
    made = Tables(tmp_path).create("erased_ids")
    made.append("erased_ids", [ERASED])
    return made


@pytest.mark.parametrize("job", STREAMS)
def test_every_stream_needs_the_ids_that_are_erased(job: str) -> None:
    """Without the table nobody knows whom to leave out: no job starts."""
    assert "erased_ids" in preflight.tables_of([job])


def test_no_stream_starts_without_the_salt_of_what_is_erased(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `pii.erased_salt`, or an empty place, is one line with the cure; with the salt the start goes on."""
    with pytest.raises(ConfigError, match=r"pii\.erased_salt is not set, .* would come back — set it to the reference"):
        preflight.checked(settings_at(tables.root), ["mapping_sync"])
    monkeypatch.delenv("SALT_OF_THIS_TEST", raising=False)
    with pytest.raises(ConfigError, match="SALT_OF_THIS_TEST is not set or empty"):
        preflight.checked(settings_at(tables.root, SALT), ["mapping_sync"])
    monkeypatch.setenv("SALT_OF_THIS_TEST", "salt")
    assert preflight.checked(settings_at(tables.root, SALT), ["mapping_sync"]) == {"mapping_sync": []}


def test_where_nobody_is_erased_no_salt_is_needed(tables: Tables, tmp_path: Path) -> None:
    """An empty table asks for nothing, and a catalog is looked at once there is a session."""
    assert tables
    empty = Tables(tmp_path / "empty").create("erased_ids")
    preflight.require_state(settings_at(empty.root), ["task_trigger"])
    preflight.require_state(settings_at(tables.root, "storage.warehouse=main.claimx"), ["task_trigger"])


def test_a_table_that_is_gone_is_told_before_a_jvm_is_there(tmp_path: Path) -> None:
    """A warehouse without `erased_ids` is refused with the command to run."""
    with pytest.raises(TableError, match="run claimx tables create"):
        preflight.require_state(settings_at(tmp_path), ["task_trigger"])
