"""Plan rows hold decisions exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.domain.creation.codec import decision_of, encoded
from claimx_lib.domain.creation.decisions import Create, Drop, GiveUp, Refuse, Skip, Subject, SyncHit, Wait
from claimx_lib.domain.creation.events import Refusal, SourceRecord, XactEvent
from claimx_lib.domain.creation.headers import Replay
from claimx_lib.domain.creation.policy import Task

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - made aware
RECORDS = st.builds(
    SourceRecord,
    topic=TEXT,
    partition=st.integers(0, 9),
    offset=st.integers(0, 2**62),
    key=st.none() | st.binary(max_size=9),
    value=st.none() | st.binary(max_size=40),
    headers=st.lists(st.tuples(TEXT, st.none() | st.binary(max_size=9)), max_size=3).map(tuple),
    at=INSTANTS,
)
SUBJECTS = st.builds(
    Subject,
    event=st.builds(
        XactEvent, event_id=TEXT, event_type=TEXT, claim_number=TEXT, claim_key=TEXT, timestamp=st.none() | TEXT,
        happened_at=INSTANTS, estimate_id=st.none() | TEXT, record=RECORDS,
    ),
    attempt=TEXT,
    attempts=st.integers(0, 9),
    first_seen_at=INSTANTS,
    letters=st.lists(TEXT, max_size=2).map(tuple),
    replay=st.none() | st.builds(Replay, dead_letter_id=TEXT, count=st.integers(1, 9)),
    is_recovered=st.booleans(),
    is_pending=st.booleans(),
)  # fmt: skip
TASKS = st.lists(st.builds(Task, rule=TEXT, key=TEXT, body=TEXT), max_size=2).map(tuple)
HITS = st.none() | st.builds(
    SyncHit, event_id=TEXT, claim_number=TEXT, project_id=st.integers(0, 2**63 - 1), why=TEXT, at=INSTANTS
)
DECISIONS = st.one_of(
    st.builds(Create, subject=SUBJECTS, project_id=st.integers(0, 2**63 - 1), resolved_by=TEXT, tasks=TASKS, hit=HITS,
              is_look=st.booleans()),
    st.builds(Wait, subject=SUBJECTS, reason=TEXT, next_attempt_at=INSTANTS,
              retry_after_seconds=st.none() | st.floats(0, 10_000)),
    st.builds(GiveUp, subject=SUBJECTS, reason=TEXT, sentence=TEXT, error=TEXT, candidates=st.none() | TEXT),
    st.builds(Skip, subject=SUBJECTS, reason=TEXT, tasks=TASKS, hit=HITS),
    st.builds(Drop, subject=SUBJECTS),
    st.builds(Refuse, refusal=st.builds(Refusal, record=RECORDS, reason=TEXT, error=TEXT, event_id=st.none() | TEXT,
                                        claim_number=st.none() | TEXT)),
)  # fmt: skip


@given(DECISIONS)
def test_a_decision_reads_back_as_it_was_written(decision):
    """Every field of every kind of decision survives the plan table, to the microsecond and the byte."""
    assert decision_of(encoded(decision)) == decision


def test_a_delay_is_kept_to_the_microsecond():
    """Instants do not lose what a batch run again would miss."""
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=1)
    record = SourceRecord(topic="t", partition=0, offset=0, value=b"{}", at=at)
    assert decision_of(encoded(Refuse(refusal=Refusal(record=record, reason="r", error="e")))).refusal.record.at == at
