"""`claimx erase`: removes a person's data for good."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from claimx_lib.cli.options import AsJson, ConfigFile, DryRun, Env, Sets, settings_of
from claimx_lib.cli.output import print_json, print_rows, printable

if TYPE_CHECKING:
    from claimx_lib.operations.erasure_report import Report

Claim = Annotated[str | None, typer.Option("--claim", metavar="CLAIM", help="The person by a claim number.")]
Project = Annotated[int | None, typer.Option("--project", metavar="PROJECT", help="The person by a ClaimX project.")]
By = Annotated[
    str,
    typer.Option(
        "--by", metavar="WHO", help="Who does it; kept.", default_factory=getpass.getuser, show_default="your user name"
    ),
]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, such as the request's number; kept.")]
Stopped = Annotated[
    bool,
    typer.Option("--streams-stopped", help="No job is running, I vouch for it: old files go at once and are searched."),
]
Sentinels = Annotated[
    list[str] | None, typer.Option("--sentinel", metavar="TEXT", help="A further text to search the files for.")
]


def command(  # noqa: PLR0913, PLR0917  (each is an option)
    by: By,
    claim: Claim = None,
    project: Project = None,
    why: Why = "erasure",
    streams_stopped: Stopped = False,
    sentinel: Sentinels = None,
    dry_run: DryRun = False,
    env: Env = "local",
    config: ConfigFile = None,
    sets: Sets = None,
    as_json: AsJson = False,
) -> None:
    """Remove a person's rows from every table, see that no replay brings them back, and say what is left where.

    Status 1 where something is left in a table or a data file.
    Example: claimx erase --claim ABC-123456 --by ann --why "request 17" --dry-run
    """
    from claimx_lib.operations.erasure_report import Request, erase_person, usable
    from claimx_lib.runtime import spark_session
    from claimx_lib.streams.context import utc_now

    request = usable(
        Request(
            claim=claim,
            project=project,
            by=by,
            why=why,
            streams_stopped=streams_stopped,
            sentinels=frozenset(sentinel or ()),
            dry_run=dry_run,
        )
    )
    settings = settings_of(env, config, sets)
    with spark_session(settings, app_name="claimx erase") as session:
        report = erase_person(session, settings, request, now=utc_now)
    _print(report, dry_run=dry_run, as_json=as_json)
    raise typer.Exit(0 if dry_run or report.erasure.is_complete else 1)


def _print(report: Report, *, dry_run: bool, as_json: bool) -> None:
    told = report.told()
    if as_json:
        print_json(told)
        return
    print(
        f"claims {printable(', '.join(told['claims']) or '-')}; projects {', '.join(map(str, told['projects'])) or '-'}"
    )
    print_rows([{"table": t, "rows": n, "left": told["left"].get(t)} for t, n in told["rows"].items()],
               ("table", "rows") if dry_run else ("table", "rows", "left"), as_json=False)  # fmt: skip
    if not dry_run:
        for line in report.lines():
            print(printable(line))
    for topic in told["kafka"]:
        until = printable(topic["until"]) if topic["until"] is not None else "nobody deletes it"
        print(f"Kafka may hold records in {topic['topic']} until: {until}")
