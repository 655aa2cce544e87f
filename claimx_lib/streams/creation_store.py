"""The tables and topics of task_creation on Delta and Kafka."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from claimx_lib.domain.claim_number import without_letter_prefix as digits_of
from claimx_lib.domain.creation.codec import decision_of, encoded
from claimx_lib.domain.creation.effects import Effects
from claimx_lib.domain.creation.headers import Replay
from claimx_lib.domain.creation.intake import Known, Letter, PendingRow
from claimx_lib.domain.creation.keys import PIPELINE
from claimx_lib.domain.creation.ledger import settled_events
from claimx_lib.domain.mapping_lookup import Candidate as Mapped
from claimx_lib.domain.mapping_lookup import candidate_of
from claimx_lib.domain.reasons import GIVEN_BY_MAPPING, Reason
from claimx_lib.observability.logs import logger
from claimx_lib.schemas.tables import DEAD_LETTERS, LEDGER, MAPPING, PENDING, PLAN
from claimx_lib.streams.creation_ledger import DeltaLedger, changes_of, version_of
from claimx_lib.streams.creation_ports import Plan
from claimx_lib.streams.creation_rows import frame_of, header_values, pending_row, plan_row, stored_record
from claimx_lib.streams.creation_writes import applied
from claimx_lib.transforms.claim_number import claim_key, without_letter_prefix
from claimx_lib.transforms.key_ranges import among, near

if TYPE_CHECKING:
    from pyspark.sql import Column, Row

    from claimx_lib.streams.context import BatchRef, JobContext

JOB = "task_creation"
DECIDED = tuple(
    str(reason)
    for reason in (
        Reason.PROJECT_NOT_FOUND,
        Reason.AMBIGUOUS_PROJECT,
        Reason.TASK_REJECTED,
        Reason.TASK_UNKNOWN,
        Reason.API_UNAVAILABLE,
    )
)
"""Letters with these reasons make their event known; one that could not be read may come again, mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaStore:
    """Reads and writes for one job; `send` hands a batch's messages to Kafka, all at once.

    `matches_digits` where claims are also woken without their letter prefix.
    """

    context: JobContext
    ledger: DeltaLedger
    send: Callable[[DataFrame], None]
    matches_digits: bool = False

    def plan(self, batch: BatchRef) -> Plan | None:
        """The plan that was made for this batch, if one was."""
        of_batch = (F.col("query_id") == batch.query_id) & (F.col("batch_id") == batch.batch_id)
        rows = sorted(self._read(PLAN.name).where(of_batch).collect(), key=lambda row: row["seq"])
        if not rows:
            return None
        return Plan(
            decisions=tuple(decision_of(plan_row(row)) for row in rows), mapping_version=rows[0]["mapping_version"]
        )

    def save_plan(self, batch: BatchRef, plan: Plan) -> None:
        """Append the plan once for this batch."""
        at = self.context.now()
        values = []
        for seq, decision in enumerate(plan.decisions):
            row = encoded(decision)
            told = (row.decision, row.event_id, row.payload, row.raw_value, header_values(row.headers), at)
            values.append((batch.query_id, batch.batch_id, plan.mapping_version, seq, *told))
        frame = frame_of(self.context.session, values, PLAN.schema)
        app_id = batch.app_id(JOB, PLAN.name, "plan")
        self.context.warehouse.append_once(frame, PLAN.name, app_id=app_id, version=batch.batch_id)

    def planned_mapping_version(self, query_id: str) -> int | None:
        """The mapping version of this query's last plan."""
        plans = self._read(PLAN.name).where(F.col("query_id") == query_id)
        last = plans.agg(F.max_by("mapping_version", "batch_id").alias("version")).first()
        return None if last is None else last["version"]

    def mapping_version(self) -> int:
        """The mapping's newest version."""
        return version_of(self.context, MAPPING.name)

    def mapping_changes(self, after: int | None, to: int) -> frozenset[str] | None:
        """The changed claim keys, None where the feed does not reach back; a table made anew counts as that."""
        from py4j.protocol import Py4JJavaError
        from pyspark.errors import PySparkException

        if after is None or after > to:
            return None
        if after == to:
            return frozenset()
        try:
            changed = changes_of(self.context, MAPPING.name, after + 1, to).select("claim_key").collect()
        except (PySparkException, Py4JJavaError) as error:
            reason = " ".join(str(error).split())[:200]
            logger(job=JOB).warning("the mapping's changes are gone: every pending claim is looked at", reason=reason)
            return None
        return frozenset(row["claim_key"] for row in changed if row["claim_key"])

    def mapping(self, keys: set[str], digits: set[str]) -> list[Mapped]:
        """The mapping's rows of these claim keys and digits."""
        table = self._read(MAPPING.name)
        rows = among(table.where(near(F.col("claim_key"), keys)), "claim_key", keys)
        if digits:
            rows = rows.unionByName(
                table.where(without_letter_prefix(F.col("claim_key")).isin(sorted(digits)))
            ).distinct()
        policy = self.context.settings.jobs.mapping_sync.conflict_policy
        told = rows.select("claim_number", "project_id", "rivals").collect()
        return [candidate_of(*row, conflict_policy=policy) for row in told]

    def due(self, now: datetime, limit: int | None) -> list[PendingRow]:
        """Pending rows whose time has come, the longest due first."""
        pending = self._read(PENDING.name)
        first = pending.coalesce(1).agg(F.min("next_attempt_at").alias("first")).first()  # no literal: compiled once
        if first is None or first["first"] is None or first["first"].astimezone(UTC) > now:
            return []
        rows = pending.where(F.col("next_attempt_at") <= F.lit(now)).coalesce(1).orderBy("next_attempt_at")
        return [pending_row(row) for row in (rows if limit is None else rows.limit(limit)).collect()]

    def waiting(self, keys: frozenset[str] | None) -> list[PendingRow]:
        """Pending rows of these claim keys; of all claims for None."""
        return [
            pending_row(row) for row in self._of_claims(self._read(PENDING.name), F.col("claim_key"), keys).collect()
        ]

    def recoverable(self, keys: frozenset[str] | None) -> list[Letter]:
        """Letters of these claims that are not closed and that a mapping can settle; of all claims for None."""
        is_ours = (
            (F.col("pipeline") == PIPELINE)
            & F.col("state").isin("OPEN", "REPLAYED")
            & F.col("reason").isin(*GIVEN_BY_MAPPING)
        )
        letters = self._read(DEAD_LETTERS.name).where(is_ours)
        return [
            Letter(
                dead_letter_id=row["dead_letter_id"],
                event_id=row["event_id"],
                by=row["by"],
                attempts=row["attempts"] or 0,
                record=stored_record(row, at=row["opened_at"]),
            )
            for row in self._of_claims(letters, claim_key(F.col("claim_number")), keys).collect()
        ]

    def known(self, event_ids: set[str], replays: set[Replay]) -> Known:
        """What pending, ledger, dead letters and plans know of these events."""
        letters = self._read(DEAD_LETTERS.name).where((F.col("pipeline") == PIPELINE) & F.col("reason").isin(*DECIDED))
        nothing = F.lit(None).cast("string")
        frames = [
            _place("pending", self._read(PENDING.name), nothing, nothing),
            _place("ledger", self._read(LEDGER.name), F.col("idempotency_key"), F.col("state")),
            _place("letters", letters, F.col("dead_letter_id"), F.col("state")),
        ]
        found = set(among(reduce(DataFrame.unionByName, frames), "event_id", event_ids).coalesce(1).collect())
        told = {name: [row for row in found if row["place"] == name] for name in ("pending", "ledger", "letters")}
        by_state = {row["id"]: row["state"] for row in told["letters"]}
        pending = frozenset(row["event_id"] for row in told["pending"])
        settled = settled_events((row["event_id"], row["id"], row["state"]) for row in told["ledger"])
        return Known(
            event_ids=pending | settled | {row["event_id"] for row in told["letters"]},
            pending_ids=pending,
            replays=self._taken_up(replays) if replays else frozenset(),
            replayed=frozenset(id_ for id_, state in by_state.items() if state == "REPLAYED"),
            over=frozenset(id_ for id_, state in by_state.items() if state in {"RESOLVED", "DISCARDED"}),
            letters=_open_letters(told["letters"]),
        )

    def apply(self, batch: BatchRef, effects: Effects, now: datetime) -> None:
        """Letters, then pending rows, then changes of letters, then Kafka."""
        applied(self.context, batch, effects, now, self.send)

    def _taken_up(self, replays: set[Replay]) -> frozenset[Replay]:
        texts = {f'["{replay.dead_letter_id}",{replay.count}]': replay for replay in replays}
        told = self._read(PLAN.name).select(F.get_json_object("payload", "$.subject.replay").alias("replay"))
        return frozenset(texts[row["replay"]] for row in among(told, "replay", texts).distinct().collect())

    def _of_claims(self, rows: DataFrame, key: Column, keys: frozenset[str] | None) -> DataFrame:
        if keys is None:
            return rows
        keyed = rows.withColumn("changed_key", key)
        found = among(keyed, "changed_key", keys)
        digits: Sequence[str] = (
            sorted({d for k in keys if (d := digits_of(k)) is not None}) if self.matches_digits else ()
        )
        if digits:
            also = keyed.where(
                without_letter_prefix(F.col("changed_key")).isin(*digits) & ~F.col("changed_key").isin(*keys)
            )
            found = found.select(*keyed.columns).unionByName(also)
        return found

    def _read(self, table: str) -> DataFrame:
        return self.context.warehouse.read(self.context.session, table)


def _place(name: str, rows: DataFrame, id_: Column, state: Column) -> DataFrame:
    return rows.select(F.lit(name).alias("place"), "event_id", id_.alias("id"), state.alias("state"))


def _open_letters(letters: Iterable[Row]) -> dict[str, tuple[str, ...]]:
    ids: dict[str, set[str]] = defaultdict(set)
    for row in letters:
        if row["state"] in {"OPEN", "REPLAYED"}:
            ids[row["event_id"]].add(row["id"])
    return {event_id: tuple(sorted(found)) for event_id, found in ids.items()}
