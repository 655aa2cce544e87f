"""Claim numbers: what is one, its canonical form, and the formats that it may be known by.

Every definition here is one that Python and the JVM share, whatever the locale and the Unicode version:
white space and control characters are listed by code point, and only letters of a fixed alphabet with a
one-to-one partner in the other case (ASCII, Latin-1, Latin Extended-A, Greek, Cyrillic) change case. So ß, the
dotless i and the final sigma stay as they are. `transforms/claim_number.py` says the same as Columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from claimx_lib.domain.texts import has_lone_surrogate

MAX_LENGTH = 50
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""Unicode's White_Space property; cut at both ends."""
CONTROL = r"[\x00-\x1f\x7f-\x9f]"
"""Unicode's category Cc; refused inside."""
EXACT = "exact"
WITHOUT_LETTER_PREFIX = "without_letter_prefix"

_ALPHABETS = ((0x61, 0x7A), (0xE0, 0xFE), (0x100, 0x17F), (0x3AC, 0x3CE), (0x430, 0x45F))
_CONTROL = re.compile(CONTROL)
PREFIXED = re.compile(r"([A-Z]*)0*([1-9][0-9]*)")
"""A claim key of ASCII letters, then digits: the prefix, and the digits without leading zeros."""


def _case_pairs() -> Iterator[tuple[str, str]]:
    for first, last in _ALPHABETS:
        for lower in map(chr, range(first, last + 1)):
            upper = lower.upper()
            if len(upper) == 1 and upper != lower and upper.lower() == lower:
                yield lower, upper


LOWER_LETTERS = "".join(lower for lower, _ in _case_pairs())
UPPER_LETTERS = "".join(upper for _, upper in _case_pairs())
_TO_UPPER = str.maketrans(LOWER_LETTERS, UPPER_LETTERS)
_TO_LOWER = str.maketrans(UPPER_LETTERS, LOWER_LETTERS)

UPPERCASE, LOWERCASE = "uppercase", "lowercase"
REMOVE_DASHES, STRIP_LEADING_ZEROS = "remove_dashes", "strip_leading_zeros"
CASE_RULES = frozenset({UPPERCASE, LOWERCASE})
RULES: MappingProxyType[str, Callable[[str], str]] = MappingProxyType(
    {
        UPPERCASE: lambda text: text.translate(_TO_UPPER),
        LOWERCASE: lambda text: text.translate(_TO_LOWER),
        REMOVE_DASHES: lambda text: text.replace("-", ""),
        STRIP_LEADING_ZEROS: lambda text: text.lstrip("0"),
    }
)
"""The named rules of the setting `normalization_rules`."""
KEY_RULES = (UPPERCASE, REMOVE_DASHES, STRIP_LEADING_ZEROS)
"""What makes a claim key; fixed, whatever the settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFormat:
    """One way to write a claim number, and the rules, joined by `+`, that lead to it."""

    text: str
    rule: str


def parsed_claim_number(value: object) -> str | None:
    """Return the claim number that a JSON value stands for, trimmed; None where it is none.

    A claim number is a string, or a JSON integer of zero or more (its digits), of 1 to 50 code points without a
    control character or a lone surrogate, and something of it is left in its key (contract, section 8).
    """
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    if isinstance(value, int) and not 0 <= value < 10**MAX_LENGTH:
        return None
    text = str(value).strip(WHITE_SPACE)
    return text if _is_sound(text) and claim_key(text) else None


def _is_sound(text: str) -> bool:
    return len(text) <= MAX_LENGTH and not _CONTROL.search(text) and not has_lone_surrogate(text)


def claim_key(claim_number: str) -> str:
    """Return the canonical form: upper case, no dashes, no leading zeros; empty where nothing is left."""
    return normalised(claim_number, KEY_RULES)


def normalised(text: str, rules: Sequence[str]) -> str:
    """Return the text after each named rule, in the order given; KeyError for a rule that is none."""
    for rule in rules:
        text = RULES[rule](text)
    return text


def formats_to_ask(claim_number: str, rules: Sequence[str], *, enabled: bool = True) -> tuple[ClaimFormat, ...]:
    """Return the distinct formats in which to ask the API for a claim, the number as given first.

    The order is the document's own list, then what all rules make together, then that in lower case. A format is
    there if its rules are configured; one rule of case stands for both cases, as in the document. A format that two
    ways lead to has the name of the first.
    """
    formats: dict[str, ClaimFormat] = {}
    for applied in _rule_sets(rules, enabled=enabled):
        text = normalised(claim_number, applied)
        if text:
            formats.setdefault(text, ClaimFormat(text=text, rule=rule_name(applied)))
    return tuple(formats.values())


def rule_joining(one: str, other: str, rules: Sequence[str]) -> str | None:
    """Return the name of the first rules under which two claim numbers are one, None where the settings have none."""
    for applied in _rule_sets(rules):
        if normalised(one, applied) == normalised(other, applied) != "":
            return rule_name(applied)
    return None


def rule_name(applied: Sequence[str]) -> str:
    """Return what stands in logs, tables and the ledger for the rules that matched."""
    return "+".join(applied) or EXACT


def rule_names(rules: Sequence[str]) -> tuple[str, ...]:
    """Return the names that `formats_to_ask` and `rule_joining` can give under these settings, the nearest first."""
    return tuple(dict.fromkeys(rule_name(applied) for applied in _rule_sets(rules)))


def _rule_sets(rules: Sequence[str], *, enabled: bool = True) -> Iterator[tuple[str, ...]]:
    yield ()
    has_case = not CASE_RULES.isdisjoint(rules)
    wanted: tuple[tuple[bool, tuple[str, ...]], ...] = (
        (has_case, (UPPERCASE,)),
        (has_case, (LOWERCASE,)),
        (REMOVE_DASHES in rules, (REMOVE_DASHES,)),
        (REMOVE_DASHES in rules and has_case, (REMOVE_DASHES, UPPERCASE)),
        (STRIP_LEADING_ZEROS in rules, (STRIP_LEADING_ZEROS,)),
        (bool(rules), tuple(rules)),
        (has_case, (*rules, LOWERCASE)),
    )
    yield from (applied for is_wanted, applied in wanted if is_wanted and enabled)


def without_letter_prefix(key: str) -> str | None:
    """Return the digits of a key that is ASCII letters, if any, and digits: "ABC123456" and "123456" give "123456".

    None for any other key, and where the digits are all zeros.
    """
    match = PREFIXED.fullmatch(key)
    return match.group(2) if match else None
