"""I9: a sentinel token and sentinel persons through every path and failure, then looked for wherever they should not be."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import psutil
import pytest
import yaml

from claimx_lib.devstack.broker import Broker
from claimx_lib.devstack.ports import free_port
from claimx_lib.devstack.simulator.control import SimulatorControl
from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.devstack.waiting import wait_until
from tests.fakes.claimx import TOKEN
from tests.faults import gather
from tests.faults.evidence import OURS
from tests.faults.feed import Item
from tests.faults.plan import BOTH_PIPELINES
from tests.faults.world import World, new_world

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
NAME, EMAIL, PHONE, STREET = "Zenobia Quixwort", "zenobia.quixwort@mail.example", "555-867-5309", "17 Umbrage Lane"
PERSON = {"full_name": NAME, "email": EMAIL, "phone": PHONE, "address": {"street": STREET, "city": "Umbrageville"}}
METHODS = ("GET", "POST")
SPOILT, REFUSED = ("reset", "garbage", "html", "truncated_json", "redirect"), (401, 403, 404, 422, 500)
PEOPLE = (PHONE, "quixwort", "umbrage")
AT = "2026-01-10T12:00:00Z"
TEXT_COLUMNS = {
    "itel_cabinet_task_tracking": ("enrichment_status", "enrichment_error"),
    "dead_letters": ("reason", "error", "by", "why"),
    "xact_task_pending": ("last_reason",),
    "xact_task_ledger": ("state", "reason", "rule", "claimx_task_id", "error"),
    "claim_project_mapping_history": ("outcome", "source"),
}
"""What these say is made by us, never taken from a payload."""


def task_event(number: int, task: int, **over: Any) -> dict[str, Any]:
    told = {"task_id": 32513, "assignment_id": task, "task_name": "Cabinets", "status": "assigned", "contact": PERSON}
    project = {"project_id": "7", "claim_number": "C1", "owner": PERSON, "note": f"call {PHONE} or {EMAIL}"}
    return {"event_id": f"t{number}", "event_type": "CUSTOM_TASK_ASSIGNED", "project_id": "7", "timestamp": AT,
            "task": told, "project": project, **over}  # fmt: skip


def estimate(number: int, claim: str, **over: Any) -> dict[str, Any]:
    return {"event_id": f"x{number}", "event_type": "ESTIMATE_CREATED", "claim_number": claim, "timestamp": AT,
            "estimate": {"id": f"e{number}", "insured": PERSON}, "note": f"{EMAIL} {PHONE}", **over}  # fmt: skip


def broken() -> list[tuple[str, bytes]]:
    """People in what can't be read or is refused, on every topic."""
    cut = json.dumps(task_event(90, 1)).encode()[:-10]
    return [
        *((role, cut.replace(b'"phone"', b"phone")) for role in ("claimx_events", "tracking", "project_sync", "xact_events")),
        ("tracking", json.dumps({**task_event(91, 1), "task_id": 5, "task_status": "assigned"}).encode()),
        ("project_sync", json.dumps({"event_id": "i9", "domain": NAME, "claim_number": "C9", "project_id": "9",
                                     "timestamp": AT, "by": NAME, "why": EMAIL}).encode()),
        ("xact_events", json.dumps(estimate(92, "---")).encode()),
    ]  # fmt: skip


def send(world: World, values: list[tuple[str, Any]]) -> None:
    raw = [(role, v if isinstance(v, bytes) else json.dumps(v).encode()) for role, v in values]
    world.sender.send([Item(role=role, key="k", value=value, outcome=OURS, kind="") for role, value in raw])


@pytest.fixture
def world(broker: Broker, simulator: Simulator, empty_tables: Path, tmp_path: Path) -> World:
    """Settings as on a bad day: event log on, messages masked, everything logged."""
    made = new_world(seed=9, pipeline=BOTH_PIPELINES, folder=tmp_path / "world", tables=empty_tables,
                     servers=broker.bootstrap_servers, simulator=simulator, creation={})  # fmt: skip
    simulator.control.clear_faults()
    told = yaml.safe_load(made.config.read_text())
    told |= {"pii": {"mask_messages": True}, "metrics": {"port": free_port(), "refresh_seconds": 1}}
    told["claimx"]["token"] = {"env": "CLAIMX_API_TOKEN"}
    told["logging"] |= {"level": "debug", "format": "json"}
    told["jobs"]["task_trigger"]["log_events_per_batch"] = 50
    told["jobs"]["task_creation"] |= {"on_unresolved": "dead_letter"}
    events = tmp_path / "world" / "spark-events"
    events.mkdir()
    told["spark"]["conf"] = {"spark.eventLog.enabled": "true", "spark.eventLog.dir": str(events), "spark.eventLog.compress": "false",
                             "spark.sql.debug.maxToStringFields": "1000", "spark.sql.maxPlanStringLength": "1000000"}  # fmt: skip
    made.config.write_text(yaml.safe_dump(told))
    return made


class Run:
    """A `claimx run` of all jobs, with the token in its environment."""

    def __init__(self, world: World, crash_at: str = "") -> None:
        command = [sys.executable, "-m", "claimx_lib.cli.main", "--debug", "run", "all", "--config", str(world.config)]
        environment = {**os.environ, "CLAIMX_API_TOKEN": TOKEN, "CLAIMX_CRASH_AT": crash_at}
        with world.output.open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        family = psutil.Process(self.process.pid).children(recursive=True) if self.process.poll() is None else []
        self.process.kill()
        self.process.wait(30)
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()

    def ended(self, seconds: float = 300) -> int:
        return self.process.wait(seconds)


def test_token_and_people_stay_where_they_belong(world: World, simulator: Simulator) -> None:
    """Through look-ups, creations, refusals, 401, 403, 404, resets, garbage, a failed batch and a kill: the token is in no
    file, table, topic, metric, argument or child's environment; people are in tables and internal topics alone.
    """
    control = simulator.control
    control.put_tasks([{"id": n, "status": "open", "contact": PERSON} for n in range(1, 6)])
    control.put_projects([{"project_id": 7, "claim_number": "C1"}, {"project_id": 8, "claim_number": "C2"}])
    with Run(world) as run:
        send(world, [("claimx_events", task_event(n, n)) for n in range(1, 9)])
        told = {**task_event(9, 1)["task"], "status": f"call {EMAIL}"}
        send(world, [("claimx_events", {**task_event(9, 1), "task": told})])
        send(world, [("project_sync", {"event_id": "i1", "domain": "claimx", "claim_number": "C1", "project_id": "7",
                                       "timestamp": AT, "by": NAME, "why": f"{EMAIL} said so"})])  # fmt: skip
        send(world, [("xact_events", estimate(n, claim)) for n, claim in enumerate(("C1", "c-2", "NOBODY"), start=1)])
        send(world, broken())
        drained(world, run)
        pages = [read_metrics(world)]
        outside = dict(arguments_and_environments(run.process.pid))
        since = len(control.requests())
        spoil(control)
        send(world, [("claimx_events", task_event(n, n)) for n in range(20, 32)])
        send(world, [("xact_events", estimate(n, "C1")) for n in range(20, 32)])
        drained(world, run)
        pages.append(read_metrics(world))
        assert met(control.requests()[since:]) == set(itertools.product(METHODS, (*SPOILT, *REFUSED)))
        fail_each_job(world, run)
    with Run(world, crash_at="tracking-before-append") as run:
        send(world, [("claimx_events", task_event(40, 1))])
        assert run.ended() == -signal.SIGKILL
    told = [*files(world), *((f"metrics {n}", page) for n, page in enumerate(pages)), *outside.items()]
    shown = list(leaks(told, (TOKEN, *PEOPLE)))
    shown += leaks(((t, json.dumps(gather.rows(world, t, ", ".join(f'"{c}"' for c in columns)), default=str))
                    for t, columns in TEXT_COLUMNS.items()), (TOKEN, *PEOPLE))  # fmt: skip
    shown += leaks(((t, str(gather.rows(world, t))) for t in gather.TABLES[BOTH_PIPELINES]), (TOKEN,))
    shown += leaks(messages(world, ("dlq", "tracking_success", "tracking_errors")), (TOKEN, *PEOPLE))
    shown += leaks(messages(world, ("tracking", "retry", "project_sync")), (TOKEN, f"Bearer {TOKEN}"))
    assert shown == []
    assert_that_it_was_tried(world)


def spoil(control: SimulatorControl) -> None:
    """Each fault for one look-up and for one creation."""
    for method in METHODS:
        for fault in SPOILT:
            control.fault(fault, method=method, count=1)
        for status in REFUSED:
            control.fault("status", method=method, status=status, count=1)


def met(calls: list[dict[str, Any]]) -> set[tuple[str, str | int]]:
    """Which faults look-ups and creations were answered with."""
    faulty = [call for call in calls if call["fault"]]
    return {(call["method"], call["status"] if call["fault"] == "status" else call["fault"]) for call in faulty}


def drained(world: World, run: Run) -> None:
    """All that was sent has its end."""
    wait_until(
        lambda: run.process.poll() is not None or is_drained(world),
        what="everything has its end",
        timeout_seconds=240,
        cure=world.output.read_text()[-1500:],
    )
    assert run.process.poll() is None, world.output.read_text()[-1500:]


def is_drained(world: World) -> bool:
    return not any(gather.lags(world).values()) and not gather.rows(world, "xact_task_pending", "event_id")


def fail_each_job(world: World, run: Run) -> None:
    """The next batch of each job dies with an exception of Spark's: dead letters can't be written."""
    log = Path(world.settings.storage.warehouse) / "dead_letters" / "_delta_log"
    aside = log.with_name("aside")
    log.rename(aside)
    log.write_text("in the way")
    send(world, broken())
    assert run.ended() == 1
    log.unlink()
    aside.rename(log)


def read_metrics(world: World) -> str:
    port = yaml.safe_load(world.config.read_text())["metrics"]["port"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        return page.read().decode()


def arguments_and_environments(driver: int) -> Iterator[tuple[str, str]]:
    """Of the driver its arguments, of its JVM and the Python workers their environment too."""
    yield "the driver's arguments", " ".join(psutil.Process(driver).cmdline())
    children = psutil.Process(driver).children(recursive=True)
    assert any("java" in one.name() for one in children)
    for one in children:
        yield f"{one.name()} {one.pid}: arguments", " ".join(one.cmdline())
        yield f"{one.name()} {one.pid}: environment", str(one.environ())


def files(world: World) -> Iterator[tuple[str, str]]:
    """Logs, event log, checkpoints, settings: all files but the tables' own, the token's and the producer's log."""
    tables = Path(world.settings.storage.warehouse)
    for file in sorted(world.folder.rglob("*")):
        if file.is_file() and tables not in file.parents and file.name != "token":
            yield str(file.relative_to(world.folder)), file.read_bytes().decode("utf-8", "replace")
    for log in tables.rglob("_delta_log/*.json"):
        yield str(log.relative_to(tables)), without_statistics(log.read_text())


def without_statistics(log: str) -> str:
    """A table's log without the least and greatest values of its columns: those are the table's own content."""
    kept = []
    for line in log.splitlines():
        action = json.loads(line)
        for name in ("add", "remove"):
            action.get(name, {}).pop("stats", None)
        kept.append(json.dumps(action))
    return "\n".join(kept)


def messages(world: World, roles: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Key, headers and value of each message; of what is in base 64, the bytes themselves."""
    for role in roles:
        for told in gather._told(world, role, {}):
            raw = told.fields.get("raw_value_base64")
            plain = base64.b64decode(raw).decode("utf-8", "replace") if raw else ""
            yield f"{role} {told.place}", f"{told.key} {told.headers} {told.value!r} {plain}"


def leaks(texts: Any, secrets: tuple[str, ...]) -> Iterator[str]:
    """Where one of the secrets stands, with the words around it."""
    for name, text in texts:
        for secret in secrets:
            at = text.lower().find(secret)
            if at >= 0:
                yield f"{secret!r} in {name}: …{text[max(0, at - 120) : at + 60]}…"


def assert_that_it_was_tried(world: World) -> None:
    """People went in, failures happened, and the places that were looked through hold something."""
    kept = gather.rows(world, "dead_letters", "reason, pipeline, CAST(raw_value AS VARCHAR) AS raw")
    assert {row["pipeline"] for row in kept} == {"task_trigger", "task_tracking", "mapping_sync", "task_creation"}
    assert any(NAME in row["raw"] for row in kept)
    assert {"failed", "enriched"} <= {
        r["enrichment_status"] for r in gather.rows(world, "itel_cabinet_task_tracking", "enrichment_status")
    }
    assert world.output.read_text().count('"message": "job failed"') == len(world.jobs)
    plans = [text for name, text in files(world) if name.startswith("spark-events/")]
    assert any("physicalPlanDescription" in text for text in plans)
    for role in ("dlq", "tracking_success", "tracking_errors"):
        assert list(messages(world, (role,))), role
