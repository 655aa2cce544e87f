"""What every act is given: a stack, the jobs to run, and somebody to tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from claimx_lib.config.settings import Settings
from claimx_lib.devstack.simulator.control import SimulatorControl


class Narrator(Protocol):
    """Tells people what happens; on a terminal with progress while it does."""

    def heading(self, text: str) -> None:
        """Begins an act or a part of one."""

    def say(self, text: str) -> None:
        """Tells one line."""

    def working(self, text: str) -> AbstractContextManager[None]:
        """Shows that something takes its time, for as long as the block runs."""

    def figures(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Shows a small table."""


class Jobs(Protocol):
    """Runs jobs with `--available-now`, the way an operator does; raises where one fails."""

    def __call__(self, *jobs: str) -> None:
        """Returns when what is there has been processed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A running stack with empty tables, the ClaimX simulator's control, and the jobs.

    `beside` runs jobs without end while a part of the story happens, and stops them after it.
    `operate` carries out a `claimx` command line as a person would and returns its exit status.
    """

    settings: Settings
    simulator: SimulatorControl
    jobs: Jobs
    beside: Callable[[Sequence[str], Callable[[], None]], None]
    operate: Callable[[Sequence[str]], int]
    narrator: Narrator
    events: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One figure that must come out: what the producer's own ledger says, and what an independent reader found."""

    what: str
    sent: Any
    landed: Any

    @property
    def holds(self) -> bool:
        return bool(self.sent == self.landed)
