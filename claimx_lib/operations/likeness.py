"""How two claim keys differ, in words, and how much that says."""

from __future__ import annotations

from dataclasses import dataclass

from rapidfuzz.distance import Editop, Levenshtein

from claimx_lib.domain.claim_number import PREFIXED, without_letter_prefix

CONFUSABLE = {frozenset(pair) for pair in ("O0", "Q0", "D0", "I1", "L1", "S5", "B8", "Z2", "G6")}
SHORTEST = 4
SHORTEST_CONTAINED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """A score from 0 to 100, and the reason for it as a person would give it."""

    score: int
    reason: str


def likeness(key: str, other: str) -> Likeness | None:
    """Return how alike two claim keys are, None where nothing says that they are one claim.

    Symmetric in its score. Keys shorter than four characters are alike only when equal.
    """
    if key == other:
        return Likeness(score=100, reason="the same but for case, dashes and leading zeros")
    if min(len(key), len(other)) < SHORTEST:
        return None
    return _by_digits(key, other) or _by_edits(key, other) or _by_part(key, other)


def _by_digits(key: str, other: str) -> Likeness | None:
    digits = without_letter_prefix(key)
    if digits is None or digits != without_letter_prefix(other):
        return None
    own, theirs = _letters(key), _letters(other)
    if not own or not theirs:
        return Likeness(score=96, reason=f"the same digits without the letters {own or theirs}")
    return Likeness(score=88, reason=f"the same digits after other letters ({own} here, {theirs} there)")


def _letters(key: str) -> str:
    match = PREFIXED.fullmatch(key)
    return match.group(1) if match else ""


def _by_edits(key: str, other: str) -> Likeness | None:
    edits = list(Levenshtein.editops(key, other))
    if len(edits) == 1:
        return _of_one(edits[0], key, other)
    if len(edits) != 2:  # noqa: PLR2004
        return None
    if _is_swap(key, other):
        return Likeness(score=93, reason="two neighbouring characters are swapped")
    if all(_is_confusable(edit, key, other) for edit in edits):
        return Likeness(score=91, reason="two characters that look alike are mixed up")
    return _by_part(key, other) or Likeness(score=76, reason="two characters differ")


def _of_one(edit: Editop, key: str, other: str) -> Likeness:
    if edit.tag == "replace":
        own, theirs = key[edit.src_pos], other[edit.dest_pos]
        if _is_confusable(edit, key, other):
            return Likeness(score=95, reason=f"{own} here, {theirs} there: characters that look alike")
        return Likeness(score=90, reason=f"one character differs ({own} here, {theirs} there)")
    if edit.tag == "insert":
        return Likeness(score=89, reason=f"one character more there ({other[edit.dest_pos]})")
    return Likeness(score=89, reason=f"one character more here ({key[edit.src_pos]})")


def _is_confusable(edit: Editop, key: str, other: str) -> bool:
    return edit.tag == "replace" and frozenset({key[edit.src_pos], other[edit.dest_pos]}) in CONFUSABLE


def _is_swap(key: str, other: str) -> bool:
    if len(key) != len(other):
        return False
    differing = [i for i, (a, b) in enumerate(zip(key, other, strict=True)) if a != b]
    if len(differing) != 2 or differing[1] != differing[0] + 1:  # noqa: PLR2004
        return False
    first, second = differing
    return key[first] == other[second] and key[second] == other[first]


def _by_part(key: str, other: str) -> Likeness | None:
    short, long = sorted((key, other), key=len)
    if len(short) < SHORTEST_CONTAINED or short not in long:
        return None
    extra = long.replace(short, "…", 1)
    return Likeness(score=84, reason=f"one is part of the other ({extra})")
