"""`claimx dlq`: what no machine could settle, and what a person does about it."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from claimx_lib.cli.options import AsJson, By, ConfigFile, DryRun, Env, Sets, Why, settings_of
from claimx_lib.cli.output import print_json, print_rows, printable, tell, within_limit
from claimx_lib.cli.times import parsed_time
from claimx_lib.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claimx_lib.operations.dlq import Replayable

app = typer.Typer(help="Dead letters: look, send back, give a project, close.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="A letter's id, or the beginning of one.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID...", help="Letters' ids, or the beginnings of them.")]
Reason = Annotated[str | None, typer.Option("--reason", metavar="CODE", help="Of this reason, e.g. project-not-found.")]
State = Annotated[str, typer.Option("--state", help="OPEN, REPLAYED, RESOLVED, DISCARDED, or ALL.")]
Pipeline = Annotated[str | None, typer.Option("--pipeline", metavar="JOB", help="Letters of this job.")]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="Opened since: 2026-01-10, or 2h, 3d ago.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="So many at most.")]
Rate = Annotated[float | None, typer.Option("--rate", min=0.01, help="So many a second at most.")]
ValueFile = Annotated[
    Path | None,
    typer.Option("--value", metavar="FILE", help="A mended record, in place of the one refused (one letter)."),
]
LISTED = ("dead_letter_id", "pipeline", "state", "reason", "claim_number", "event_id", "attempts", "replay_count", "opened_at", "by", "why")  # fmt: skip


@app.command("list")
def list_letters(  # noqa: PLR0913, PLR0917  (each is an option)
    env: Env = "local",
    config: ConfigFile = None,
    sets: Sets = None,
    reason: Reason = None,
    state: State = "OPEN",
    pipeline: Pipeline = None,
    since: Since = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first.

    Example: claimx dlq list --reason project-not-found --since 2d
    """
    from claimx_lib.connectors.delta_sql import DeltaSql
    from claimx_lib.operations.letter_export import facts
    from claimx_lib.operations.review import LetterFilter, letters_wanted

    wanted = LetterFilter(
        state=_state(state), reason=reason, pipeline=pipeline, since=parsed_time(since) if since else None
    )
    rows = letters_wanted(DeltaSql(root=settings_of(env, config, sets).storage.warehouse), wanted, limit=limit)
    told = [facts(row) for row in rows]
    shown = told if as_json else [{**row, "dead_letter_id": row["dead_letter_id"][:12]} for row in told]
    print_rows(shown, LISTED, as_json=as_json, empty="no dead letter")


@app.command("show")
def show(letter: Id, env: Env = "local", config: ConfigFile = None, sets: Sets = None, as_json: AsJson = False) -> None:
    """Show one letter whole: the record, what was tried, what people did.

    Example: claimx dlq show 3f2a9c01be44
    """
    from claimx_lib.connectors.delta_sql import DeltaSql
    from claimx_lib.operations.dlq import letters_meant
    from claimx_lib.operations.letter_export import facts
    from claimx_lib.operations.letter_story import letter_story

    tables = DeltaSql(root=settings_of(env, config, sets).storage.warehouse)
    (row,) = letters_meant(tables, [letter], reason=None, since=None, limit=1)
    story = letter_story(tables, row.dead_letter_id)
    told = {
        **facts(row),
        "source": story.source,
        "headers": dict(story.headers),
        "record": story.payload.decode("utf-8", "backslashreplace"),
        "steps": [{"at": s.at, "kind": s.kind, "title": s.title, "detail": s.detail} for s in story.steps],
    }
    if as_json:
        print_json(told)
        return
    for name, value in told.items():
        if name != "steps":
            print(f"{name.replace('_', ' '):16}{printable(value)}")
    for step in story.steps:
        print(
            f"  {printable(step.at):22}{step.kind:10}{printable(step.title)} {printable(step.detail) if step.detail else ''}"
        )


@app.command("replay")
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
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send letters back into the flow; status 1 where one has no way back.

    Example: claimx dlq replay --reason project-not-found --since 2d --by ada --why "projects are there now"
    """
    from claimx_lib.operations.dlq import desk_of, letters_meant

    desk = desk_of(settings_of(env, config, sets))
    after = parsed_time(since) if since else None
    meant = letters_meant(desk.tables, letters or [], reason=reason, since=after, limit=limit + 1)
    meant = meant if letters else within_limit(meant, limit)
    if value is not None and len(meant) != 1:
        raise UsageError("--value mends one letter", cure="name exactly one")
    mended = {} if value is None else {meant[0].dead_letter_id: _read(value)}
    found = desk.replayable([row.dead_letter_id for row in meant], mended)
    if not dry_run:
        desk.send_back(found, by=_said(by, "--by"), why=_said(why, "--why"), per_second=rate or float("inf"))
    rows = _told_of_sending(found, "would be sent" if dry_run else "sent")
    print_rows(rows, ("dead_letter_id", "topic", "result"), as_json=as_json, empty="no dead letter")
    raise typer.Exit(1 if any(one.refusal for one in found) else 0)


def _told_of_sending(found: Sequence[Replayable], word: str) -> list[dict[str, str | None]]:
    topics = [one.message.topic if one.message else None for one in found]
    return [
        {"dead_letter_id": one.dead_letter_id, "topic": topic, "result": one.refusal or word}
        for one, topic in zip(found, topics, strict=True)
    ]


@app.command("resolve")
def resolve(
    letter: Id,
    project: Annotated[int, typer.Option("--project", min=0, help="The ClaimX project of the letter's claim.")],
    by: By,
    why: Why,
    env: Env = "local",
    config: ConfigFile = None,
    sets: Sets = None,
    dry_run: DryRun = False,
) -> None:
    """Give the letter's claim its project; when the mapping has it, all letters of the claim go back by themselves.

    Example: claimx dlq resolve 3f2a9c01be44 --project 12345 --by ada --why "asked the adjuster"
    """
    from claimx_lib.operations.dlq import desk_of, letters_meant

    desk = desk_of(settings_of(env, config, sets))
    (row,) = letters_meant(desk.tables, [letter], reason=None, since=None, limit=1)
    if not dry_run:
        desk.resolve(row.dead_letter_id, project, by=_said(by, "--by"), why=_said(why, "--why"))
    done = "would be published" if dry_run else "published"
    print(
        f"claim {printable(row.claim_number)} → project {project}: {done}; its letters go back when the mapping has it"
    )


@app.command("discard")
def discard(
    letters: Ids,
    by: By,
    why: Why,
    env: Env = "local",
    config: ConfigFile = None,
    sets: Sets = None,
    dry_run: DryRun = False,
) -> None:
    """Close letters for good; nothing is made of them.

    Example: claimx dlq discard 3f2a9c01be44 --by ada --why test
    """
    from claimx_lib.operations.dlq import desk_of, letters_meant

    desk = desk_of(settings_of(env, config, sets))
    rows = letters_meant(desk.tables, letters or [], reason=None, since=None, limit=len(letters or []))
    open_rows = [row for row in rows if row.state in {"OPEN", "REPLAYED"}]
    if not dry_run and open_rows:
        ids = tuple(row.dead_letter_id for row in open_rows)
        desk.discard(ids, by=_said(by, "--by"), why=_said(why, "--why"))
    print(f"{len(open_rows)} {'would be ' if dry_run else ''}discarded, {len(rows) - len(open_rows)} closed already")


@app.command("export")
def export_letters(  # noqa: PLR0913, PLR0917  (each is an option)
    target: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where to; standard output without one.")
    ] = None,
    env: Env = "local",
    config: ConfigFile = None,
    sets: Sets = None,
    reason: Reason = None,
    state: State = "OPEN",
    pipeline: Pipeline = None,
    since: Since = None,
    limit: Limit = 100_000,
    as_json: AsJson = False,
) -> None:
    """Write letters to a file, as CSV of which no cell is a formula to a spreadsheet, or as JSON lines.

    Example: claimx dlq export letters.csv
    """
    from claimx_lib.connectors.delta_sql import DeltaSql
    from claimx_lib.operations.letter_export import export
    from claimx_lib.operations.review import LetterFilter, letters_wanted

    wanted = LetterFilter(
        state=_state(state), reason=reason, pipeline=pipeline, since=parsed_time(since) if since else None
    )
    tables = DeltaSql(root=settings_of(env, config, sets).storage.warehouse)
    rows = within_limit(letters_wanted(tables, wanted, limit=limit + 1), limit)
    with nullcontext(sys.stdout) if target is None else target.open("w", encoding="utf-8", newline="") as file:
        count = export(rows, file, "json" if as_json else "csv")
    tell(f"{count} letters written")


def _state(text: str) -> str | None:
    from claimx_lib.operations.review import STATES

    wanted = text.upper()
    if wanted not in {*STATES, "ALL"}:
        raise UsageError(f"--state {text}: there is no such state", cure=f"use one of {', '.join(STATES)}, ALL")
    return None if wanted == "ALL" else wanted


def _said(text: str, option: str) -> str:
    if not text.strip():
        raise UsageError(f"{option} is empty", cure="say it: it is kept with the letter")
    return text.strip()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"--value {file}: {error.strerror}", cure="give the path of a readable file") from None
