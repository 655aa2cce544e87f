"""Claim numbers as Columns are what they are as values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from claimx_lib.domain import claim_number as domain
from claimx_lib.transforms import claim_number as columns

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ODD = "aAzZ019-\t\n \x00\x1c\x1f\x7f\x85\xa0\u1680\u180e\u2007\u200b\u2028\u202e\u202f\u3000\ufeff\u00df\u0130\u0131\u017f\u03c2\u03c3\u03a3\u00b5\u01c5\u00ff\u0178\ufb01\u0345\u1e9e\U00010400\U0001f600\u0307"
TEXTS = st.lists(st.one_of(st.text(alphabet=ODD, max_size=60), st.text(max_size=60)), min_size=60, max_size=60)
RULE_SETS = (
    [],
    ["lowercase"],
    ["strip_leading_zeros", "remove_dashes"],
    ["remove_dashes", "uppercase"],
    list(domain.KEY_RULES),
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_columns_and_values_agree_on_any_text(spark: SparkSession, texts: list[str]) -> None:
    """Trimming, validity, key, every rule and the form without prefix are the same in Python and on the JVM."""
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    frame = spark.createDataFrame(list(enumerate(texts)), "n INT, text STRING")
    trimmed = columns.trimmed(F.col("text"))
    key = columns.claim_key(F.col("text"))
    rules = (columns.normalised(F.col("text"), rules) for rules in RULE_SETS)
    accepted = F.when(columns.is_claim_number(trimmed), trimmed)
    found = frame.select("n", accepted, key, columns.without_letter_prefix(key), *rules).orderBy("n").collect()
    expected = [
        (
            n,
            domain.parsed_claim_number(text),
            domain.claim_key(text),
            domain.without_letter_prefix(domain.claim_key(text)),
            *(domain.normalised(text, rules) for rules in RULE_SETS),
        )
        for n, text in enumerate(texts)
    ]
    assert [tuple(row) for row in found] == expected


@pytest.mark.long
def test_every_single_character_is_treated_alike(spark: SparkSession) -> None:
    """Each code point of the basic plane, alone between two letters, has the same key and the same validity."""
    points = [p for p in range(0x10000) if not 0xD800 <= p <= 0xDFFF]
    frame = spark.createDataFrame([(p, f"a{chr(p)}b") for p in points], "n INT, text STRING")
    key = columns.claim_key(F.col("text"))
    found = frame.select("n", columns.is_claim_number(F.col("text")).alias("ok"), key.alias("key")).collect()
    wrong = [
        hex(row.n)
        for row in found
        if (row.ok, row.key)
        != (domain.parsed_claim_number(f"a{chr(row.n)}b") is not None, domain.claim_key(f"a{chr(row.n)}b"))
    ]
    assert wrong == []
