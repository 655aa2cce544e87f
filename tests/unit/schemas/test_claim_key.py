"""The claim key in SQL is the one of the domain, as the command line asks for it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from deltalake import write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.domain.claim_number import claim_key
from claimx_lib.schemas.claim_key import CLAIM_KEY

ODD = "aAzZ019-' \t\xa0\u2003\xdf\xe9\xff\u0130\u0131\u0149\u017f\u01c6\u0301\u0390\u03b0\u03c2\u03c3\u03a3\u0451\u1e9e\u200d\u2177\ufb01\U00010428\U0001f3fd"
TEXTS = st.lists(st.one_of(st.text(alphabet=ODD, max_size=50), st.text(max_size=50)), min_size=1, max_size=200)


def keys_of(root: Path, numbers: list[str]) -> list[tuple[str, str]]:
    write_deltalake(str(root / "numbers"), pa.table({"claim_number": numbers}), mode="overwrite")
    sql = f"SELECT claim_number, {CLAIM_KEY} AS claim_key FROM t"  # noqa: S608  (a constant of ours)
    rows = DeltaSql(root=str(root)).ask(sql, "numbers").rows
    return [(row["claim_number"], row["claim_key"]) for row in rows]


def test_every_single_character_has_one_key(tmp_path: Path) -> None:
    """Each code point of the basic plane, between two letters and before one, has the key that Python gives it."""
    points = [chr(point) for point in range(1, 0x10000) if not 0xD800 <= point <= 0xDFFF]
    numbers = [*(f"a{one}b" for one in points), *(f"{one}x" for one in points)]
    assert [(n, key) for n, key in keys_of(tmp_path, numbers) if key != claim_key(n)] == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_any_text_has_one_key(tmp_path: Path, numbers: list[str]) -> None:
    """Letters without a partner of their own, marks, joined characters and white space stay as they are."""
    assert sorted(keys_of(tmp_path, numbers)) == sorted((number, claim_key(number)) for number in numbers)
