"""The rungs on which a claim number's project is looked for, and their order.

The mapping by the exact number → the API by it as given → the mapping by claim key → the API by each further format
→ both without the letter prefix (architecture, decision 9).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, unique

from claimx_lib.domain.claim_number import (
    EXACT,
    WITHOUT_LETTER_PREFIX,
    claim_key,
    formats_to_ask,
    without_letter_prefix,
)


@unique
class Place(StrEnum):
    """Where a rung looks."""

    MAPPING = "mapping"
    MAPPING_KEY = "mapping_key"
    MAPPING_DIGITS = "mapping_digits"
    API = "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvePolicy:
    """The settings of `jobs.task_creation` that make the ladder longer or shorter."""

    resolve_with: tuple[str, ...] = ("mapping", "api")
    rules: tuple[str, ...] = ("uppercase", "remove_dashes", "strip_leading_zeros")
    enable_format_normalization: bool = True
    match_without_letter_prefix: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One place to look, the text to look for, and the rule that it stands for."""

    place: Place
    text: str
    rule: str


def ladder(claim_number: str, policy: ResolvePolicy) -> Iterator[Rung]:
    """The rungs for a claim number, in the order of the climb."""
    has_mapping, has_api = "mapping" in policy.resolve_with, "api" in policy.resolve_with
    is_wide = policy.enable_format_normalization
    formats = formats_to_ask(claim_number, policy.rules, enabled=is_wide)
    if has_mapping:
        yield Rung(place=Place.MAPPING, text=claim_number, rule=EXACT)
    if has_api:
        yield Rung(place=Place.API, text=claim_number, rule=EXACT)
    if has_mapping and is_wide:
        yield Rung(place=Place.MAPPING_KEY, text=claim_key(claim_number), rule="claim_key")
    if has_api:
        yield from (Rung(place=Place.API, text=f.text, rule=f.rule) for f in formats[1:])
    digits = without_letter_prefix(claim_key(claim_number))
    if digits is None or not (is_wide and policy.match_without_letter_prefix):
        return
    if has_mapping:
        yield Rung(place=Place.MAPPING_DIGITS, text=digits, rule=WITHOUT_LETTER_PREFIX)
    if has_api and digits not in {f.text for f in formats}:
        yield Rung(place=Place.API, text=digits, rule=WITHOUT_LETTER_PREFIX)
