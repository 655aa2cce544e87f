"""The fields that task_tracking reads from a message, as its settings name them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, chain, groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from claimx_lib.config.jobs import TaskTracking

ALWAYS = ("task", "project")
"""The fields that are read whatever the settings say."""


def told_apart(job: TaskTracking) -> TaskTracking:
    """Return the job; raises ValueError where its settings name two fields by one word in upper and lower case.

    Spark reads names without regard to case: a query over both ends at its first record.
    """
    others = read_beside_the_columns(job)
    within = {*ALWAYS, *chain.from_iterable(map(_from_outside_in, (*job.mappings.values(), *others)))}
    for names in (within, {*job.mappings, *others}):
        alike = next((group for group in _by_word(names) if len(group) > 1), None)
        if alike is not None:
            raise ValueError(f"{' and '.join(alike)} differ in upper and lower case only; name one field in one way")
    return job


def read_beside_the_columns(job: TaskTracking) -> list[str]:
    """The paths that look-ups and rules read, each by a column's name or by its own text."""
    skipped = [job.skip_if.field] if job.skip_if else []
    return [*job.path_params.values(), *job.field_rules, *job.required_fields, *skipped]


def _from_outside_in(path: str) -> list[str]:
    return list(accumulate(path.split("."), "{}.{}".format))


def _by_word(names: Iterable[str]) -> list[list[str]]:
    in_order = sorted(names, key=lambda name: (name.casefold(), name))
    return [list(group) for _, group in groupby(in_order, key=str.casefold)]
