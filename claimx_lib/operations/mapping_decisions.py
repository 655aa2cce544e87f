"""What a person says about claims: published as identity events, applied by mapping_sync alone."""

from __future__ import annotations

import csv
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from claimx_lib.connectors import kafka_client
from claimx_lib.connectors.kafka_client import Message
from claimx_lib.domain.claim_number import MAX_LENGTH, parsed_claim_number
from claimx_lib.domain.digits import whole
from claimx_lib.domain.identity import MANUAL, SET, UNSET
from claimx_lib.errors import UsageError

if TYPE_CHECKING:
    from claimx_lib.config.settings import Settings

LONG_MAX = 2**63 - 1
SHOWN = 40
LISTED_PROBLEMS = 20
HEADER = ("claim_number", "project_id")
SURPLUS = "surplus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A claim and its project, or None: what people said of it before no longer holds."""

    claim_number: str
    project_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who decides and why; both are kept with each change for good."""

    by: str
    why: str


def author(by: str, why: str) -> Author:
    """Return who and why; UsageError where one of them is blank."""
    for name, text in (("--by", by), ("--why", why)):
        if not text.strip():
            raise UsageError(f"{name} is empty", cure="say who decides and why: both are kept")
    return Author(by=by.strip(), why=why.strip())


def decision(claim_number: str, project_id: str | int | None) -> Decision:
    """Return a decision that mapping_sync will take; UsageError where the claim or the project can't be one."""
    claim = parsed_claim_number(claim_number)
    if claim is None:
        raise UsageError(
            f"{claim_number!r} is no claim number",
            cure=f"give 1 to {MAX_LENGTH} characters with more than dashes and zeros",
        )
    return Decision(claim_number=claim, project_id=None if project_id is None else usable_project(project_id))


def usable_project(given: str | int) -> int:
    """Return a project id that ClaimX could have given and a table can hold; UsageError for any other text or number."""
    text = str(given).strip()
    number = whole(text, digits=len(str(LONG_MAX)))
    if not number or number > LONG_MAX:
        raise UsageError(f"{text[:SHOWN]!r} is no project id", cure="give ClaimX's own, a whole number such as 12345")
    return number


def decisions_of(file: Path) -> tuple[Decision, ...]:
    """Return the decisions of a CSV file with the columns claim_number and project_id, once all its lines are right.

    UsageError names every wrong line (the first 20), and claims that two lines give different projects.
    """
    problems: list[str] = []
    found: dict[str, tuple[int, Decision]] = {}
    for line, row in _rows(file):
        try:
            one = _decision(row)
        except UsageError as error:
            problems.append(f"line {line}: {error.message}")
            continue
        before = found.setdefault(one.claim_number, (line, one))
        if before[1] != one:
            problems.append(f"line {line}: {one.claim_number} has another project in line {before[0]}")
    if problems:
        more = f" and {len(problems) - LISTED_PROBLEMS} more" if len(problems) > LISTED_PROBLEMS else ""
        told = "; ".join(problems[:LISTED_PROBLEMS])
        raise UsageError(f"{file}: {told}{more}", cure="mend the file; nothing of it was imported")
    return tuple(one for _, one in found.values())


def _decision(row: dict[str, str | None]) -> Decision:
    if any(row.get(SURPLUS) or ()):
        raise UsageError("it has more fields than the header", cure="quote a field that holds a comma")
    return decision(row["claim_number"] or "", row["project_id"] or "")


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str | None]]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text, skipinitialspace=True, restkey=SURPLUS)
            missing = [name for name in HEADER if name not in (reader.fieldnames or ())]
            if missing:
                raise UsageError(f"{file}: no column {missing[0]}", cure=f"start it with the line {','.join(HEADER)}")
            for row in reader:
                yield reader.line_num, row
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}", cure="give the path of a readable file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file}: no CSV in UTF-8: {error}", cure="save it as CSV in UTF-8") from None


def messages(
    settings: Settings,
    decisions: Iterable[Decision],
    author: Author,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
) -> tuple[Message, ...]:
    """Return one identity event of domain manual for each decision, for the topic of manual decisions."""
    topic = settings.kafka.topics.manual_decisions
    return tuple(
        Message(topic=topic, key=one.claim_number, value=_event(one, author, now(), new_id())) for one in decisions
    )


def _event(one: Decision, author: Author, at: datetime, event_id: str) -> str:
    fields: dict[str, str | int] = {
        "event_id": f"manual-{event_id}",
        "domain": MANUAL,
        "claim_number": one.claim_number,
        "timestamp": at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "by": author.by,
        "why": author.why,
        "action": UNSET if one.project_id is None else SET,
    }
    if one.project_id is not None:
        fields["project_id"] = one.project_id
    return json.dumps(fields, ensure_ascii=False)


def publish(settings: Settings, decisions: Sequence[Decision], author: Author) -> int:
    """Publish the decisions and return their number once the brokers have them; mapping_sync applies them next.

    Not repeated by itself: published twice is decided twice, with the same result.
    """
    return kafka_client.send(settings.kafka, messages(settings, decisions, author))
