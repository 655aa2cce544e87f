"""Claim numbers as Columns: the twin of `domain/claim_number.py`, held to it by property tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType

from pyspark.sql import Column
from pyspark.sql import functions as F

from claimx_lib.domain import claim_number as domain

RULES: MappingProxyType[str, Callable[[Column], Column]] = MappingProxyType(
    {
        domain.UPPERCASE: lambda text: F.translate(text, domain.LOWER_LETTERS, domain.UPPER_LETTERS),
        domain.LOWERCASE: lambda text: F.translate(text, domain.UPPER_LETTERS, domain.LOWER_LETTERS),
        domain.REMOVE_DASHES: lambda text: F.replace(text, F.lit("-"), F.lit("")),
        domain.STRIP_LEADING_ZEROS: lambda text: F.ltrim(text, F.lit("0")),
    }
)


def trimmed(text: Column) -> Column:
    """The text without Unicode's white space at either end."""
    return F.btrim(text, F.lit(domain.WHITE_SPACE))


def normalised(text: Column, rules: Sequence[str]) -> Column:
    """The text after each named rule, in the order given."""
    for rule in rules:
        text = RULES[rule](text)
    return text


def claim_key(claim_number: Column) -> Column:
    """The canonical form: upper case, no dashes, no leading zeros; empty where nothing is left."""
    return normalised(claim_number, domain.KEY_RULES)


def is_claim_number(text: Column) -> Column:
    """Whether a trimmed text is a claim number; NULL is none.

    A lone surrogate cannot be seen here: the JVM reads it as "?" already.
    """
    is_short = F.length(text) <= domain.MAX_LENGTH
    is_sound = is_short & ~text.rlike(domain.CONTROL) & (claim_key(text) != "")
    return F.coalesce(is_sound, F.lit(0).cast("boolean"))


def without_letter_prefix(key: Column) -> Column:
    """The digits of a key of ASCII letters and digits, without leading zeros; NULL for any other key."""
    whole = rf"\A(?:{domain.PREFIXED.pattern})\z"
    return F.when(key.rlike(whole), F.regexp_extract(key, whole, 2))
