"""What the doctor finds, on a real broker and over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from claimx_lib.config.load import load
from claimx_lib.config.settings import Settings
from claimx_lib.devstack.broker import Broker
from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.operations.doctor import Finding, examine
from claimx_lib.operations.topics import create_missing
from tests.fakes.claimx import TOKEN
from tests.fakes.warehouse import Tables


@pytest.fixture
def settings(broker: Broker, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of an installation whose tables are missing."""
    monkeypatch.setenv("CLAIMX_API_TOKEN", TOKEN)
    sets = [
        f"kafka.bootstrap_servers={broker.bootstrap_servers}",
        f"claimx.base_url={simulator.base_url}",
        f"storage.warehouse={tmp_path}/warehouse",
        f"storage.checkpoints={tmp_path}/checkpoints",
    ]
    return load(sets=sets)


def found(settings: Settings) -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(settings)}


def test_each_thing_is_looked_at_and_what_is_missing_has_its_cure(settings: Settings) -> None:
    """All is told at once: what is well, and for what is not the command that mends it."""
    create_missing(settings)
    findings = found(settings)
    for what in ("python", "java", "versions", "jars", "kafka", "topics", "token", "api"):
        assert findings[what].is_well, findings[what]
    assert not findings["tables"].is_well
    assert findings["tables"].cure == "run claimx tables create"
    assert "starting_offsets" in findings["checkpoint task_trigger"].told


def test_what_would_refuse_the_start_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Erased ids without their salt, a first start without its date: the line that the start would end with, and its cure."""
    monkeypatch.setattr("claimx_lib.operations.preflight.require_tables", lambda *_: None)  # delta-rs sets no version
    tables = Tables(root=Path(settings.storage.warehouse)).create()
    assert found(settings)["tables"].is_well
    assert found(settings)["settings"].is_well
    tables.append("erased_ids", [{"erased_id": "x"}])
    creation = settings.jobs.task_creation.model_copy(update={"require_events_since": True, "events_since": None})
    jobs = settings.jobs.model_copy(update={"task_creation": creation})
    findings = found(settings.model_copy(update={"jobs": jobs}))
    assert "pii.erased_salt" in findings["tables"].told
    assert "jobs.task_creation.events_since" in findings["settings"].told
    assert not findings["tables"].is_well
    assert not findings["settings"].is_well


def test_a_refused_token_is_told_without_the_token(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 401 names the setting; the token is in no line."""
    monkeypatch.setenv("CLAIMX_API_TOKEN", "s3cr3t-and-wr0ng")
    findings = found(settings)
    assert "unauthorized" in findings["api"].told
    assert "claimx.token" in findings["api"].cure
    assert "s3cr3t-and-wr0ng" not in repr(findings)


def test_a_search_that_ignores_its_filter_is_found(settings: Settings, simulator: Simulator) -> None:
    """An API that answers with everything it has is not taken for one that knows nothing."""
    simulator.control.put_project(1, "ABC-1")
    simulator.control.fault("ignore_filter", path="/api/v1/projects")
    assert "ignores claim_number" in found(settings)["api"].told


def test_an_api_that_misses_a_known_project_is_the_wrong_one(settings: Settings, simulator: Simulator) -> None:
    """A project that ClaimX has told of must be found by its claim number: 404 for all is a wrong path."""
    tables = Tables(root=Path(settings.storage.warehouse)).create("claimx_projects")
    tables.append("claimx_projects", [{"project_id": 7, "claim_number": "ABC-7"}])
    assert "project 7" in found(settings)["api"].told
    simulator.control.put_project(7, "ABC-7")
    assert found(settings)["api"].is_well


def test_an_api_that_is_down_is_told_with_its_setting(settings: Settings, free_port: int) -> None:
    """Nobody at claimx.base_url is one line with the setting to look at."""
    gone = settings.claimx.model_copy(update={"base_url": f"http://127.0.0.1:{free_port}"})
    finding = found(settings.model_copy(update={"claimx": gone}))["api"]
    assert not finding.is_well
    assert "CLAIMX_API_BASE_URL" in finding.cure


def test_what_is_damaged_is_told_and_hides_nothing_else(settings: Settings) -> None:
    """A table that can't be read and a checkpoint cut short are a line each, with the cure; the rest is looked at."""
    create_missing(settings)
    table = Path(settings.storage.warehouse) / "itel_cabinet_task_tracking" / "_delta_log"
    table.mkdir(parents=True)
    (table / "00000000000000000000.json").write_text("{")
    checkpoint = Path(settings.storage.checkpoints) / "task_creation"
    (checkpoint / "commits").mkdir(parents=True)
    (checkpoint / "commits" / "0").write_text("")
    (checkpoint / "metadata").write_text('{"id": "q"}')
    findings = found(settings)
    assert not findings["tables"].is_well
    assert "\n" not in findings["tables"].told + findings["tables"].cure
    assert findings["checkpoint task_creation"].told == f"{checkpoint}/commits/0 is damaged"
    assert "claimx run task_creation" in findings["checkpoint task_creation"].cure
    assert findings["checkpoint mapping_sync"].is_well


def test_tables_in_a_catalog_are_not_said_to_have_been_looked_at(settings: Settings) -> None:
    """Without a cluster's session nobody reaches a catalog: the line says who looks at its tables."""
    moved = settings.model_copy(update={"storage": settings.storage.model_copy(update={"warehouse": "main.claimx"})})
    assert found(moved)["tables"].told == "main.claimx: looked at by the jobs when they start"
