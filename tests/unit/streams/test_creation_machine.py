"""Task creation against a small model: random orders, duplicates, faults, crashes, second instances, clocks that jump."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from claimx_lib.domain.creation.ledger import State
from claimx_lib.streams.context import BatchRef
from tests.fakes.creation import Crash, World, with_policy

EVENTS = [f"e{n}" for n in range(6)]
CLAIMS = {event: f"C-{1 + n % 3}" for n, event in enumerate(EVENTS)}
PROJECTS = {"C-1": 11, "C-2": 12, "C-3": 13}
HOUR = 3600
FAULTS = ["drop_after_commit", "reset", "status", "garbage", "hang", "hang_after_commit"]


class Creation(RuleBasedStateMachine):
    """The model: which events were delivered. Its promise: in the end one task each, of the right project."""

    @initialize()
    def start(self) -> None:
        self.world = World(with_policy(max_retries=2, max_age_hours=10_000.0))
        self.delivered: set[str] = set()
        self.other_batches = 0
        self.jumps = 0

    @rule(events=st.lists(st.sampled_from(EVENTS), max_size=4))
    def deliver(self, events: list[str]) -> None:
        """Events arrive, some again, and the batch is processed."""
        self.delivered |= set(events)
        self.world.run_surviving(*(self.world.event(event, CLAIMS[event]) for event in events))

    @rule(events=st.lists(st.sampled_from(EVENTS), min_size=1, max_size=3))
    def deliver_elsewhere(self, events: list[str]) -> None:
        """A second instance, with a checkpoint of its own, processes events on the same tables."""
        self.delivered |= set(events)
        self.other_batches += 1
        flow = self.world.started()
        batch = BatchRef(query_id=f"other{self.other_batches}", batch_id=0)
        records = [self.world.event(event, CLAIMS[event]) for event in events]
        try:
            flow.run(records, batch)
        except Crash:
            self.world.started().run(records, batch)

    @rule(claim=st.sampled_from(sorted(PROJECTS)))
    def project_appears(self, claim: str) -> None:
        """ClaimX creates the project, with the claim number in its own way of writing."""
        self.world.api.control.put_project(PROJECTS[claim], claim.replace("-", "").lower())

    @rule(claim=st.sampled_from(sorted(PROJECTS)))
    def mapping_appears(self, claim: str) -> None:
        """ClaimX creates the project without its number, and a mapping arrives."""
        self.world.api.control.put_project(PROJECTS[claim])
        self.world.store.map(claim, PROJECTS[claim])

    @rule(kind=st.sampled_from(FAULTS), status=st.sampled_from([429, 500, 503, 401]), count=st.integers(1, 4))
    def fault(self, kind: str, status: int, count: int) -> None:
        """The API misbehaves for some calls."""
        self.world.api.control.fault(kind, status=status, count=count)

    @rule(seconds=st.sampled_from([1, 31, 125]))
    def time_passes(self, seconds: int) -> None:
        """Due rows are taken by a heartbeat."""
        self.world.pass_(seconds)
        self.world.run_surviving()

    @rule(seconds=st.sampled_from([HOUR, -HOUR]))
    def clock_jumps(self, seconds: int) -> None:
        """The machine's clock is set forward or back by an hour."""
        self.jumps += 1
        self.world.clock.jump(seconds)
        self.world.run_surviving()

    @rule(steps=st.integers(0, 12))
    def crash_soon(self, steps: int) -> None:
        """The process will end at a step of a batch to come."""
        self.world.crash_after(steps)

    @precondition(lambda self: self.world.batch_id > 0)
    @rule()
    def restart(self) -> None:
        """A new process on the same tables."""
        self.world.restart()

    @invariant()
    def at_most_one_task(self) -> None:
        """I2, I4: one task for a key, and an INTENT before each."""
        counts = Counter(task["external_reference"] for task in self.world.tasks())
        assert not [key for key, count in counts.items() if count > 1]
        assert set(counts) <= {row.idempotency_key for row in self.world.store.ledger.all if row.state is State.INTENT}

    @invariant()
    def attempts_are_bounded(self) -> None:
        """I8: no event is tried more often than the settings allow."""
        assert all(wait.subject.attempts <= 2 for wait in self.world.store.pending.values())

    def teardown(self) -> None:
        """I1, I3: when faults end and every project is mapped, each delivered event has its one task."""
        world = self.world
        world.crash_at = None
        world.api.control.clear_faults()
        for claim, project in PROJECTS.items():
            world.api.control.put_project(project)
            world.store.map(claim, project)
        world.pass_(HOUR * self.jumps)  # what was put off by a clock that was ahead waits so much longer
        for _ in range(12):
            world.pass_(130)
            world.run_surviving()
        assert not world.store.pending
        by_event = {row.idempotency_key: row.event_id for row in world.store.ledger.all}
        made = {by_event[task["external_reference"]]: task["project_id"] for task in world.tasks()}
        assert made == {event: PROJECTS[CLAIMS[event]] for event in self.delivered}
        assert {one.state for one in world.store.letters.values()} <= {"RESOLVED"}


TestCreation = Creation.TestCase
TestCreation.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
