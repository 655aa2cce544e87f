"""`claimx dlq`: what no machine could settle, and what a person does about it."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from claimx_lib.cli.dlq_decisions import Id, Limit, Reason, Since, discard, replay, resolve
from claimx_lib.cli.options import AsJson, ConfigFile, Env, Sets, settings_of
from claimx_lib.cli.output import print_json, print_rows, printable, tell, within_limit
from claimx_lib.cli.times import parsed_time
from claimx_lib.errors import UsageError

if TYPE_CHECKING:
    from claimx_lib.connectors.delta_sql import DeltaSql
    from claimx_lib.operations.letter_story import LetterStory
    from claimx_lib.operations.review import LetterRow

app = typer.Typer(help="Dead letters: look, send back, give a project, close.", no_args_is_help=True)

State = Annotated[str, typer.Option("--state", help="OPEN, REPLAYED, RESOLVED, DISCARDED, or ALL.")]
Pipeline = Annotated[str | None, typer.Option("--pipeline", metavar="JOB", help="Letters of this job.")]
LISTED = ("dead_letter_id", "pipeline", "state", "reason", "claim_number", "event_id", "attempts", "replay_count", "opened_at", "by", "why")  # fmt: skip
LONGEST = 80
"""Of a text in a table for people."""


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

    tables = DeltaSql(root=settings_of(env, config, sets).storage.warehouse)
    rows = _rows(tables, limit, state=_state(state), reason=reason, pipeline=pipeline, since=since)
    told = [facts(row) for row in rows]
    print_rows(told if as_json else map(_line, told), LISTED, as_json=as_json, empty="no dead letter")


def _line(told: dict[str, Any]) -> dict[str, Any]:
    """The same for a person's eyes: an id's beginning names its letter, and a longer text shows where it goes on."""
    short = {name: f"{v[:LONGEST]}…" for name, v in told.items() if isinstance(v, str) and len(v) > LONGEST}
    return {**told, **short, "dead_letter_id": told["dead_letter_id"][:12]}


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
    told = {**facts(row), **_record(story)}
    if as_json:
        print_json(told)
    else:
        _print(told, story)
    if story.is_cut:
        tell(f"the newest {len(story.steps)} steps; older ones are left out")


def _record(story: LetterStory) -> dict[str, Any]:
    return {
        "source": story.source,
        "headers": [{"name": name, "value": value} for name, value in story.headers],
        "record": story.payload.decode("utf-8", "backslashreplace"),
        "steps": [{"at": s.at, "kind": s.kind, "title": s.title, "detail": s.detail} for s in story.steps],
    }


def _print(told: dict[str, Any], story: LetterStory) -> None:
    lines = {**told, "headers": [f"{name}: {value}" for name, value in story.headers]}
    for name, value in lines.items():
        if name != "steps":
            print(f"{name.replace('_', ' '):16}{printable(value)}")
    for step in story.steps:
        detail = printable(step.detail) if step.detail else ""
        print(f"  {printable(step.at):22}{step.kind:10}{printable(step.title)} {detail}")


for _name, _command in (("replay", replay), ("resolve", resolve), ("discard", discard)):
    app.command(_name)(_command)


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

    tables = DeltaSql(root=settings_of(env, config, sets).storage.warehouse)
    rows = _rows(tables, limit, state=_state(state), reason=reason, pipeline=pipeline, since=since)
    with nullcontext(sys.stdout) if target is None else target.open("w", encoding="utf-8", newline="") as file:
        count = export(rows, file, "json" if as_json else "csv")
    tell(f"{count} letters written")


def _rows(
    tables: DeltaSql, limit: int, *, state: str | None, reason: str | None, pipeline: str | None, since: str | None
) -> tuple[LetterRow, ...]:
    from claimx_lib.operations.letter_words import require_pipeline, require_reason
    from claimx_lib.operations.review import LetterFilter, letters_wanted

    after = parsed_time(since) if since else None
    require_pipeline(pipeline)
    require_reason(tables, reason)
    wanted = LetterFilter(state=state, reason=reason, pipeline=pipeline, since=after)
    return within_limit(letters_wanted(tables, wanted, limit=limit + 1, is_whole=True), limit)


def _state(text: str) -> str | None:
    from claimx_lib.operations.review import STATES

    wanted = text.upper()
    if wanted not in {*STATES, "ALL"}:
        raise UsageError(f"--state {text}: there is no such state", cure=f"use one of {', '.join(STATES)}, ALL")
    return None if wanted == "ALL" else wanted
