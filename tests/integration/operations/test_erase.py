"""Erasure of a person's data from real Delta tables and from the files below them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from claimx_lib.config.load import load
from claimx_lib.connectors.delta import Warehouse
from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.domain.erasure import Kind, erased_id
from claimx_lib.domain.secret import Secret
from claimx_lib.errors import ConfigError
from claimx_lib.observability.metrics import Metrics
from claimx_lib.operations.erase import Erasure, remember
from claimx_lib.operations.erasure_report import Report, Request, erase_person
from claimx_lib.operations.preflight import require_state
from claimx_lib.operations.tables import create_missing
from claimx_lib.operations.traces import traces_of
from claimx_lib.schemas import tables
from claimx_lib.streams.context import JobContext
from claimx_lib.streams.erasure import spared
from tests.fakes.records import Topic, frame_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from claimx_lib.config.settings import Settings

pytestmark = pytest.mark.long  # an erasure from every table, and VACUUM

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
NAME, STREET, MAIL = "Zebulon Quartzmann", "77 Sentinel Lane", "zebulon@sentinel.example"
SENTINELS = frozenset({NAME, STREET, MAIL})
OTHER = "Ann Elsewhere"
SALT = "salt-of-this-test"


@dataclass(frozen=True, kw_only=True)
class Done:
    """A dry run and an erasure, the versions of the tables before and after the dry run, and where it all is."""

    settings: Settings
    dry: Report
    report: Report
    versions: tuple[dict[str, int], dict[str, int]]
    named_before: int

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(root=self.settings.storage.warehouse)


@pytest.fixture(scope="module")
def done(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    """Every table with rows of the person and of another one; erased once, since it takes its time; no broker is there."""
    root = tmp_path_factory.mktemp("warehouse")
    salt = "pii.erased_salt={env: CLAIMX_ERASED_SALT}"
    settings = load(sets=[f"storage.warehouse={root}", salt, "kafka.bootstrap_servers=127.0.0.1:1"], environ={})
    create_missing(spark, settings)
    people = [*_rows("AB-0123", 12345, f"{NAME}, {STREET}, {MAIL}"), *_rows("ZZ9", 999, OTHER), *BESIDE]
    warehouse = Warehouse(root=str(root))
    for spec in {spec.name: spec for spec, _ in people}.values():
        values = [tuple(row.get(name) for name in spec.schema.names) for of, row in people if of is spec]
        warehouse.append(spark.createDataFrame(values, spec.schema).coalesce(1), spec.name)
    named = len(traces_of(root, frozenset({NAME})))
    who = {"by": "ann", "why": "request 17", "sentinels": SENTINELS, "streams_stopped": True}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLAIMX_ERASED_SALT", SALT)
        before = _versions(warehouse)
        dry = erase_person(spark, settings, Request(claim=None, project=12345, dry_run=True, **who), now=lambda: NOW)
        after = _versions(warehouse)
        by_uri = settings.model_copy(
            update={"storage": settings.storage.model_copy(update={"warehouse": f"file:{root}"})}
        )
        report = erase_person(spark, by_uri, Request(claim="ab0123", project=None, **who), now=lambda: NOW)
        yield Done(settings=settings, dry=dry, report=report, versions=(before, after), named_before=named)


def _versions(warehouse: Warehouse) -> dict[str, int]:
    sql = DeltaSql(root=warehouse.root)
    return {spec.name: sql.version(spec.name) for spec in tables.TABLES}


def _rows(claim: str, project: int, person: str) -> list[tuple[tables.TableSpec, dict[str, Any]]]:
    key, raw = claim.replace("-", ""), _json({"claim_number": claim, "who": person})
    event = {"event_id": f"evt-{project}", "claim_number": claim, "claim_key": key}
    tracked = {"event_id": f"trk-{project}", "event_type": "T", "event_timestamp": NOW, "processed_timestamp": NOW}
    tracked |= {"task_id": 32513, "project_id": str(project), "task_status": "assigned", "rescued_data": person}
    tracked |= {"year": 2026, "month": 1, "day": 10, "project_data": (str(project), claim, person)}
    unlinked = tracked | {"event_id": f"claim-{project}", "project_id": f"77{project}"}
    unlinked["project_data"] = (f"77{project}", key.lower(), person)
    bare = unlinked | {"event_id": f"bare-{project}", "project_data": None}
    plan = {"query_id": "q", "batch_id": 1, "event_id": f"evt-{project}", "payload": person, "raw_value": raw}
    broken = {"dead_letter_id": f"broken-{project}", "raw_value": b'{"project_id": ' + str(project).encode() + b', "x'}
    spelled = {"dead_letter_id": f"spelled-{project}", "raw_value": _json({"claim_number": key.lower(), "who": person})}
    return [
        (tables.DEAD_LETTERS, spelled),
        (tables.TRACKING, tracked),
        (tables.TRACKING, unlinked),
        (tables.TRACKING, bare),
        (tables.MAPPING, event | {"project_id": project}),
        (tables.MAPPING_HISTORY, event | {"to": project, "why": person}),
        (tables.PROJECTS, event | {"project_id": project, "project_name": person, "address": person}),
        (tables.PENDING, event | {"original_message": raw.decode(), "raw_value": raw}),
        (tables.PLAN, plan),
        (tables.LEDGER, event | {"idempotency_key": f"k-{project}", "state": "CREATED", "project_id": project}),
        (tables.DEAD_LETTERS, event | {"dead_letter_id": f"dl-{project}", "error": person, "raw_value": raw}),
        (tables.DEAD_LETTERS, broken),
    ]


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


BESIDE = (
    (
        tables.DEAD_LETTERS,
        {"dead_letter_id": "a-claim-with-the-projects-digits", "raw_value": _json({"claim_number": "12345"})},
    ),
    (
        tables.LEDGER,
        {
            "idempotency_key": "once",
            "event_id": "evt-b",
            "claim_number": "BB7",
            "state": "CREATED",
            "project_id": 12345,
        },
    ),
    (tables.MAPPING_HISTORY, {"event_id": "evt-b", "claim_number": "BB7", "claim_key": "BB7", "to": 12345}),
)
"""Another person's, near to the erased one's: a claim number that is a project's too, and a claim that had the project once."""


@pytest.mark.timeout(900)
def test_dry_run_changes_nothing(done: Done) -> None:
    """`--dry-run` counts what would go, by the person's project too, and leaves every table at its version."""
    assert done.dry.told()["claims"] == ["AB-0123"]
    assert sum(done.dry.erasure.rows.values()) == 11
    assert done.versions[0] == done.versions[1]


def test_person_is_gone_from_every_table_and_nobody_else_is(spark: SparkSession, done: Done) -> None:
    """After an erasure no table holds a row of the person, one that only names the claim included, and one that names but
    a project of which another event told the claim; and each holds the other one's.
    """
    erasure = done.report.erasure

    assert erasure.is_complete, done.report.told()
    several = {tables.DEAD_LETTERS.name: 3, tables.TRACKING.name: 3}
    assert erasure.rows == {name: several.get(name, 1) for name in erasure.rows}
    assert len(erasure.rows) == 8
    assert not any(erasure.left.values())
    left = {name: done.warehouse.read(spark, name).count() for name in erasure.rows}
    beside = Counter(spec.name for spec, _ in BESIDE)
    assert left == {name: rows + beside[name] for name, rows in erasure.rows.items()}


def test_person_is_gone_from_every_file(done: Done) -> None:
    """No file holds name, street or mail: no old version, no change feed, no log; another one's name is still there."""
    root = Path(done.warehouse.root)

    assert done.named_before == 6
    assert traces_of(root, SENTINELS) == []
    assert traces_of(root, frozenset({OTHER})) != []
    assert done.report.erasure.is_searched
    assert [trace for trace in done.report.erasure.traces if not trace.is_log] == []
    assert done.report.lines()[0] == "old files are gone; of all files, 0 hold one of the texts searched for"


def test_replay_of_an_erased_person_is_left_out(spark: SparkSession, done: Done) -> None:
    """A record that names an erased claim or project in any way reaches no stream, others and heartbeats do; it is counted.

    A key is what its topic is keyed by: a claim number with an erased project's digits is another's.
    """
    topic = Topic("xact.events")
    gone: list[Any] = [
        {"event_id": "1", "claim_number": "AB-0123"},
        {"event_id": "2", "claim_number": " ab0123 "},
        {"event_id": "3", "project_id": 12345},
        {"event_id": "4", "project": {"project_id": "12345", "claim_number": None}},
        {"event_id": "4a", "project_id": 12345.0},
        {"event_id": "4b", "project_id": " 12345 "},
        b'{"project_id": "\\u00312345"}',
        b'{"event_id": "5", "claim_number": "AB-0123", broken',
        b'{"claim_number": "\\u0041B0123"}',
    ]
    kept: list[Any] = [{"event_id": "k", "claim_number": "ZZ9", "project_id": 123456}, b"\xff\x00", None]
    by_project = Topic("claimx.events")
    keyed = [topic.record({}, key=b"AB-0123"), by_project.record({}, key=b"12345")]
    others = [topic.record({"other": 1}, key=b"12345"), by_project.record({"other": 2}, key=b"AB0123")]
    records = [*(topic.record(value) for value in (*gone, *kept)), *keyed, *others]
    heartbeat = (None,) * 7
    context = JobContext(session=spark, settings=done.settings, metrics=Metrics())

    left = spared(frame_of(spark, [*records, heartbeat]), context, job="task_creation").collect()

    values = [None if row.value is None else bytes(row.value) for row in left]
    assert values == [json.dumps(kept[0]).encode(), kept[1], None, b'{"other": 1}', b'{"other": 2}', None]
    assert context.metrics.value("claimx_stream_records_total", job="task_creation", outcome="erased") == 11


def test_what_is_remembered_names_nobody(spark: SparkSession, done: Done) -> None:
    """`erased_ids` holds salted hashes, who and why; the same person again adds none."""
    person = done.report.erasure.person
    remember(spark, done.warehouse, person, Secret(SALT), by="bob", why="again", at=NOW)

    rows = done.warehouse.read(spark, tables.ERASED_IDS.name).collect()
    wanted = {erased_id(SALT, Kind.CLAIM, "AB0123")}
    wanted |= {erased_id(SALT, Kind.PROJECT, number) for number in ("12345", "7712345")}
    assert {row.erased_id for row in rows} == wanted
    assert {(row.by, row.why) for row in rows} == {("ann", "request 17")}
    assert len(rows) == 3


def test_beside_running_streams_the_date_of_the_last_file_is_told(done: Done) -> None:
    """Without the operator's word that no stream runs, the report says until when old files stay."""
    erasure = Erasure(person=done.report.erasure.person, rows={}, files_gone_by=datetime(2026, 1, 18, 12, tzinfo=UTC))

    told = Report(erasure=erasure, kafka=(), kafka_problem="no broker answers").lines()

    assert told == [
        "old files go with the upkeep, by 2026-01-18 12:00Z at the latest",
        "Kafka could not be asked what it holds: no broker answers",
    ]


def test_a_batch_that_is_not_through_leaves_the_erasure_incomplete(done: Done) -> None:
    """A job that is still amid a batch may write what it has read: the report says so, and the command does not end with 0."""
    erasure = Erasure(person=done.report.erasure.person, rows={}, amid_a_batch=("task_creation",))

    assert not erasure.is_complete
    assert Report(erasure=erasure, kafka=()).lines()[0] == (
        "task_creation: still amid a batch that may write what it has read; erase again once it is through"
    )


def test_without_a_salt_nothing_is_erased(spark: SparkSession, tmp_path: Path) -> None:
    """An erasure that a replay would undo is refused with the setting to set."""
    settings = load(sets=[f"storage.warehouse={tmp_path}"], environ={})

    with pytest.raises(ConfigError, match=r"pii\.erased_salt is not set"):
        erase_person(spark, settings, Request(claim="A1", project=None, by="ann", why="-"), now=lambda: NOW)


def test_once_somebody_is_erased_no_job_starts_without_the_salt(spark: SparkSession, done: Done) -> None:
    """With a session tables at a URI are looked at as well: the start is refused in one line with the cure."""
    root = done.settings.storage.warehouse
    for place in (root, f"file://{root}"):
        settings = load(sets=[f"storage.warehouse={place}"], environ={})
        with pytest.raises(ConfigError, match=r"pii\.erased_salt is not set, .* would come back"):
            require_state(settings, ["task_trigger"], spark)
