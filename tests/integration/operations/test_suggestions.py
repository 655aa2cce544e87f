from __future__ import annotations

import json
from pathlib import Path

from claimx_lib.operations.suggestions import suggestions
from tests.fakes.warehouse import Tables, mapping, project


def test_near_spellings_are_ranked_with_their_reasons(tmp_path: Path) -> None:
    """Projects and mappings near the claim number come likeliest first, each once, each with why."""
    tables = Tables(tmp_path).create()
    tables.append(
        "claimx_projects",
        [
            project(1, "123456", key="123456", name="Kitchen"),
            project(2, "ABC-123465", key="ABC123465"),
            project(3, "ZZZ-999999", key="ZZZ999999"),
        ],
    )
    tables.append(
        "claim_project_mapping", [mapping("ABC-123457", 4, key="ABC123457"), mapping("123456", 1, key="123456")]
    )
    found = suggestions(tables.sql, "abc-123456")
    assert [(s.project_id, s.reason, s.origin) for s in found] == [
        (1, "the same digits without the letters ABC", "ClaimX project"),
        (2, "two neighbouring characters are swapped", "ClaimX project"),
        (4, "one character differs (6 here, 7 there)", "mapping"),
    ]
    assert found[0].project_name == "Kitchen"
    assert [s.strength for s in found] == ["strong", "good", "good"]


def test_candidates_of_the_search_are_always_among_them(tmp_path: Path) -> None:
    """An ambiguous claim's candidates are offered, with what is known of them, even when nothing is."""
    tables = Tables(tmp_path).create()
    tables.append("claimx_projects", [project(70, "ABC123456", key="ABC123456"), project(71, "OTHER-9", key="OTHER9")])
    listed = json.dumps([{"project_id": 70, "claim_number": "ABC123456"}, {"project_id": 71}, {"project_id": 72}])
    found = suggestions(tables.sql, "ABC-123456", candidates=listed)
    assert [s.project_id for s in found] == [70, 71, 72]
    assert all("candidates of the search" in s.reason for s in found)


def test_hostile_claim_numbers_find_nothing_and_break_nothing(tmp_path: Path) -> None:
    """Quotes, markup and control characters are data to the search."""
    tables = Tables(tmp_path).create()
    tables.append("claimx_projects", [project(1, "123456", key="123456")])
    for claim in ("' OR 1=1 --", "<script>", "a\x00b", "---", "", "\u202e12", "x" * 5000):
        assert suggestions(tables.sql, claim, candidates="{broken") == ()


def test_absent_tables_give_no_suggestion(tmp_path: Path) -> None:
    """Before the first mapping there is nothing to suggest, and no failure."""
    assert suggestions(Tables(tmp_path).sql, "ABC-1") == ()
