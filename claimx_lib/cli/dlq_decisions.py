"""What a person does about dead letters: send back, give a project, close; commands of `claimx dlq`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from claimx_lib.cli.options import AsJson, By, ConfigFile, DryRun, Env, EvenIfDecided, Sets, Why, settings_of
from claimx_lib.cli.output import print_rows, printable, tell, within_limit
from claimx_lib.cli.times import parsed_time
from claimx_lib.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claimx_lib.operations.dlq import LetterDesk, Replayable
    from claimx_lib.operations.review import LetterRow

Id = Annotated[str, typer.Argument(metavar="ID", help="A letter's id, or the beginning of one.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID...", help="Letters' ids, or the beginnings of them.")]
Reason = Annotated[str | None, typer.Option("--reason", metavar="CODE", help="Of this reason, e.g. project-not-found.")]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="Opened since: 2026-01-10, or 2h, 3d ago.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="So many at most.")]
Rate = Annotated[float | None, typer.Option("--rate", min=0.01, help="So many a second at most.")]
ValueFile = Annotated[
    Path | None,
    typer.Option("--value", metavar="FILE", help="A mended record, in place of the one refused (one letter)."),
]


def replay(  # noqa: PLR0913, PLR0917  (each is an option)
    by: By,
    why: Why,
    letters: Ids = None,
    env: Env = "local",
    config: ConfigFile = None,
    sets: Sets = None,
    reason: Reason = None,
    since: Since = None,
    limit: Limit = 1000,
    rate: Rate = None,
    value: ValueFile = None,
    even_if_decided: EvenIfDecided = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send letters back into the flow: those named, or the open ones of a reason; status 1 where one has no way back.

    Letters that a person has decided already are refused by name, and left out of a reason's.
    Example: claimx dlq replay --reason project-not-found --since 2d --by ada --why "projects are there now"
    """
    from claimx_lib.operations.decide_once import send_letters_back
    from claimx_lib.operations.dlq import desk_of

    desk = desk_of(settings_of(env, config, sets))
    meant = _to_send(desk, letters or [], reason, since, limit, even_if_decided=even_if_decided)
    if value is not None and len(meant) != 1:
        raise UsageError("--value mends one letter", cure="name exactly one")
    mended = {} if value is None else {meant[0].dead_letter_id: _read(value)}
    found = desk.replayable([row.dead_letter_id for row in meant], mended)
    who, what_for = _said(by, "--by"), _said(why, "--why")
    if not dry_run:
        found = send_letters_back(desk, found, meant, by=who, why=what_for, per_second=rate or float("inf"))
    rows = _told_of_sending(found, "would be sent" if dry_run else "sent")
    print_rows(rows, ("dead_letter_id", "topic", "result"), as_json=as_json, empty="no dead letter")
    raise typer.Exit(1 if any(one.refusal for one in found) else 0)


def _to_send(
    desk: LetterDesk, ids: list[str], reason: str | None, since: str | None, limit: int, *, even_if_decided: bool
) -> tuple[LetterRow, ...]:
    from claimx_lib.operations.decide_once import require_undecided
    from claimx_lib.operations.dlq import letters_meant
    from claimx_lib.operations.review import LetterFilter, letter_page

    after, wanted = parsed_time(since) if since else None, None if even_if_decided else False
    meant = letters_meant(desk.tables, ids, reason=reason, since=after, limit=limit + 1, is_decided=wanted)
    if ids:
        require_undecided(desk.tables, () if even_if_decided else [row for row in meant if row.state == "OPEN"])
        return meant
    left = letter_page(desk.tables, LetterFilter(reason=reason, since=after, is_decided=True), limit=1).total
    if left and not even_if_decided:
        tell(f"{left} that a person has decided are left out: claimx dlq list shows them, --even-if-decided takes them")
    return within_limit(meant, limit)


def _told_of_sending(found: Sequence[Replayable], word: str) -> list[dict[str, str | None]]:
    topics = [one.message.topic if one.message else None for one in found]
    return [
        {"dead_letter_id": one.dead_letter_id, "topic": topic, "result": one.refusal or word}
        for one, topic in zip(found, topics, strict=True)
    ]


def resolve(  # noqa: PLR0913, PLR0917  (each is an option)
    letter: Id,
    project: Annotated[int, typer.Option("--project", min=0, help="The ClaimX project of the letter's claim.")],
    by: By,
    why: Why,
    env: Env = "local",
    config: ConfigFile = None,
    sets: Sets = None,
    even_if_decided: EvenIfDecided = False,
    dry_run: DryRun = False,
) -> None:
    """Give the letter's claim its project; when the mapping has it, the claim's open letters go back by themselves.

    With jobs.task_creation.auto_recover false only this letter goes back, and those that a person has decided already.
    Refused where a person has decided about this one.
    Example: claimx dlq resolve 3f2a9c01be44 --project 12345 --by ada --why "asked the adjuster"
    """
    from claimx_lib.operations.decide_once import require_undecided, resolve_letter
    from claimx_lib.operations.dlq import desk_of, letters_meant

    desk = desk_of(settings_of(env, config, sets))
    (row,) = letters_meant(desk.tables, [letter], reason=None, since=None, limit=1)
    require_undecided(desk.tables, () if even_if_decided else [row])
    who, what_for = _said(by, "--by"), _said(why, "--why")
    desk.resolvable(row.dead_letter_id, project)
    if not dry_run:
        resolve_letter(desk, row, project, by=who, why=what_for)
    done = "would be published" if dry_run else "published"
    print(f"claim {printable(row.claim_number)} → project {project}: {done}; {_following(desk, row)}")


def _following(desk: LetterDesk, row: LetterRow) -> str:
    from claimx_lib.operations.task_preview import recovery_of

    found = recovery_of(desk.tables, desk.settings, row.claim_number, row.dead_letter_id)
    told = "1 letter goes" if found.going == 1 else f"{found.going} letters go"
    told = f"when the mapping has it {told} back"
    if not found.staying:
        return told
    others = "1 other letter" if found.staying == 1 else f"{found.staying} other letters"
    return f"{told}; {others} of the claim stay open, since jobs.task_creation.auto_recover is false"


def discard(
    letters: Ids,
    by: By,
    why: Why,
    env: Env = "local",
    config: ConfigFile = None,
    sets: Sets = None,
    even_if_decided: EvenIfDecided = False,
    dry_run: DryRun = False,
) -> None:
    """Close open letters for good; nothing is made of them. Status 1 where one is on its way, or was touched meanwhile.

    Refused where a person has decided about one of them already.
    Example: claimx dlq discard 3f2a9c01be44 --by ada --why test
    """
    from claimx_lib.operations.decide_once import discard_letters, require_undecided
    from claimx_lib.operations.dlq import desk_of, letters_meant

    desk = desk_of(settings_of(env, config, sets))
    rows = letters_meant(desk.tables, letters or [], reason=None, since=None, limit=len(letters or []))
    open_rows = [row for row in rows if row.state == "OPEN"]
    require_undecided(desk.tables, () if even_if_decided else open_rows)
    away = [row for row in rows if row.state == "REPLAYED"]
    who, reason = _said(by, "--by"), _said(why, "--why")
    done = len(open_rows) if dry_run or not open_rows else discard_letters(desk, open_rows, by=who, why=reason)
    closed = len(rows) - len(open_rows) - len(away)
    print(f"{done} {'would be ' if dry_run else ''}discarded, {closed} closed already")
    for row in away:
        print(f"{row.dead_letter_id[:12]} was sent back and is on its way, not discarded: look at it again")
    if done < len(open_rows):
        print(f"{len(open_rows) - done} changed meanwhile and were left: look at them again")
    raise typer.Exit(1 if away or done < len(open_rows) else 0)


def _said(text: str, option: str) -> str:
    if not text.strip():
        raise UsageError(f"{option} is empty", cure="say it: it is kept with the letter")
    return text.strip()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"--value {file}: {error.strerror}", cure="give the path of a readable file") from None
