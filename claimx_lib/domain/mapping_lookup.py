"""What the mapping knows of a claim number: candidates by number, by key and by digits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from claimx_lib.domain.claim_number import claim_key, without_letter_prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A claim number and the project that it stands for, by the mapping or by the API.

    `rivals` are other projects that claim the same number, while the policy leaves the choice to a person.
    """

    claim_number: str
    project_id: int
    rivals: tuple[int, ...] = ()

    @property
    def project_ids(self) -> tuple[int, ...]:
        """Every project that this candidate may mean."""
        return (self.project_id, *self.rivals)


REVIEW = "review"
"""The `conflict_policy` by which a claim of several projects waits for a person; by any other the newest one counts."""


def candidate_of(
    claim_number: str, project_id: int, rivals: Iterable[int] | None, *, conflict_policy: str
) -> Candidate:
    """What a row of the mapping stands for: its project, and its rivals only where the policy is `review`."""
    kept = tuple(rivals or ()) if conflict_policy == REVIEW else ()
    return Candidate(claim_number=claim_number, project_id=project_id, rivals=kept)


class MappingLookup(Protocol):
    """Rows of the mapping; an empty answer means that it was asked and has none."""

    def by_number(self, claim_number: str) -> Sequence[Candidate]:
        """The row of exactly this number."""
        ...

    def by_key(self, key: str) -> Sequence[Candidate]:
        """The rows whose claim key is this one."""
        ...

    def by_digits(self, digits: str) -> Sequence[Candidate]:
        """The rows whose key is these digits, or ASCII letters and these digits (`without_letter_prefix`)."""
        ...


class MappingSnapshot:
    """Rows read beforehand, as of one version of the table; holds for the keys that it was read for."""

    def __init__(self, rows: Iterable[Candidate] = ()) -> None:
        self._by_number: dict[str, list[Candidate]] = defaultdict(list)
        self._by_key: dict[str, list[Candidate]] = defaultdict(list)
        self._by_digits: dict[str, list[Candidate]] = defaultdict(list)
        for row in rows:
            key = claim_key(row.claim_number)
            self._by_number[row.claim_number].append(row)
            self._by_key[key].append(row)
            digits = without_letter_prefix(key)
            if digits is not None:
                self._by_digits[digits].append(row)

    def by_number(self, claim_number: str) -> Sequence[Candidate]:
        """The row of exactly this number."""
        return self._by_number.get(claim_number, ())

    def by_key(self, key: str) -> Sequence[Candidate]:
        """The rows whose claim key is this one."""
        return self._by_key.get(key, ())

    def by_digits(self, digits: str) -> Sequence[Candidate]:
        """The rows whose key is these digits, after a prefix of letters or without one."""
        return self._by_digits.get(digits, ())
