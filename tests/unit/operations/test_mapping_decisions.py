from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from claimx_lib.config.load import load
from claimx_lib.errors import UsageError
from claimx_lib.operations.mapping_decisions import Decision, author, decision, decisions_of, messages

ANN = author("ann", "she called")
SETTINGS = load(sets=["kafka.topics.manual_decisions=decisions"], environ={})


def made(*decisions: Decision) -> list[dict[str, object]]:
    found = messages(
        SETTINGS, decisions, ANN, now=lambda: datetime(2026, 1, 10, 12, 0, 0, 5, tzinfo=UTC), new_id=lambda: "1"
    )
    return [{"topic": m.topic, "key": m.key, **json.loads(m.value)} for m in found]


def test_a_decision_is_an_identity_event_on_the_topic_of_decisions() -> None:
    """The message has every field of the contract, is keyed by the claim, and says who and why."""
    assert made(decision(" ABC-1 ", "12345")) == [
        {
            "topic": "decisions",
            "key": "ABC-1",
            "event_id": "manual-1",
            "domain": "manual",
            "claim_number": "ABC-1",
            "project_id": 12345,
            "timestamp": "2026-01-10T12:00:00.000005Z",
            "by": "ann",
            "why": "she called",
            "action": "set",
        }
    ]


def test_taking_a_decision_back_names_no_project() -> None:
    """An unset has the action `unset` and no project."""
    (event,) = made(decision("ABC-1", None))
    assert (event["action"], "project_id" in event) == ("unset", False)


@pytest.mark.parametrize("claim", ["", "---", "x" * 51, "A\x00B"])
def test_what_is_no_claim_number_is_refused_before_it_is_published(claim: str) -> None:
    """A claim number that mapping_sync would refuse is wrong usage."""
    with pytest.raises(UsageError, match="no claim number"):
        decision(claim, 1)


@pytest.mark.parametrize(
    "project", ["", "0", "-5", "12a", "1.5", "9223372036854775808", "9" * 5000, "../admin", "\u0661"]
)
def test_what_is_no_project_id_is_refused_before_it_is_published(project: str) -> None:
    """A project id that ClaimX can't have given is wrong usage, in a line that can be read."""
    with pytest.raises(UsageError, match="project id") as refused:
        decision("ABC-1", project)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(("by", "why"), [("", "x"), ("ann", "  ")])
def test_nobody_decides_without_a_name_and_a_reason(by: str, why: str) -> None:
    """A blank --by or --why is wrong usage."""
    with pytest.raises(UsageError, match="is empty"):
        author(by, why)


def file_of(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "claims.csv"
    file.write_bytes(text.encode("utf-8-sig"))
    return file


def test_a_file_is_read_with_its_columns_by_name(tmp_path: Path) -> None:
    """Order of columns, further columns, a byte-order mark and repeated lines do not matter."""
    file = file_of(tmp_path, "project_id,note,claim_number\n1,x,A-1\n2,,B-2\n1,again,A-1\n")
    assert decisions_of(file) == (
        Decision(claim_number="A-1", project_id=1),
        Decision(claim_number="B-2", project_id=2),
    )


def test_every_wrong_line_is_named_and_nothing_is_imported(tmp_path: Path) -> None:
    """One failure tells all wrong lines, also two projects for one claim."""
    file = file_of(tmp_path, "claim_number,project_id\nA-1,1\n---,2\nB-2,x\nA-1,9\nC-3\n")
    with pytest.raises(UsageError) as failure:
        decisions_of(file)
    assert [part.split(":")[0].strip() for part in failure.value.message.split(": ", 1)[1].split(";")] == [
        "line 3",
        "line 4",
        "line 5",
        "line 6",
    ]
    assert "A-1 has another project in line 2" in failure.value.message


def test_a_line_with_more_fields_than_the_header_is_wrong(tmp_path: Path) -> None:
    """A number written as 12,345 is not taken for project 12; empty fields at the end do no harm."""
    file = file_of(tmp_path, "claim_number,project_id\nA-1,12,345\nB-2,7,,\n")
    with pytest.raises(UsageError, match="line 2: it has more fields than the header"):
        decisions_of(file)


@pytest.mark.parametrize(
    ("content", "told"), [("claim,project\nA,1\n", "no column claim_number"), ("", "no column"), (None, "No such file")]
)
def test_a_file_that_is_none_of_this_kind_is_told_in_a_line(tmp_path: Path, content: str | None, told: str) -> None:
    """A missing column or file is wrong usage."""
    file = tmp_path / "claims.csv"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError, match=told):
        decisions_of(file)
