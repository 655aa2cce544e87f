"""`claimx explain`: the whole story of a claim."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from claimx_lib.cli.options import AsJson, ConfigFile, Env, Sets, settings_of
from claimx_lib.cli.output import print_json, print_rows, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claimx_lib.operations.explain import ClaimStory

Claim = Annotated[str, typer.Argument(metavar="CLAIM_NUMBER", help="The claim number, in any spelling.")]
SECTIONS = (
    ("mapped", "mappings", ("claim_number", "project_id", "source", "updated_at", "rivals")),
    ("ClaimX projects with this number", "projects", ("project_id", "claim_number", "project_name")),
    ("how its project is looked for", "trace", ("rule", "place", "text", "found")),
    ("waits", "pending", ("event_id", "attempts", "last_reason", "next_attempt_at")),
    ("dead letters", "letters", ("dead_letter_id", "state", "reason", "event_id", "opened_at")),
    ("what happened", "steps", ("at", "kind", "title", "detail")),
)


def command(
    claim: Claim, env: Env = "local", config: ConfigFile = None, sets: Sets = None, as_json: AsJson = False
) -> None:
    """Show a claim's mappings over time, the rule that matched, attempts, tasks and dead letters. Starts no JVM.

    Example: claimx explain ABC-123456
    """
    from claimx_lib.connectors.delta_sql import DeltaSql
    from claimx_lib.operations.explain import explain

    settings = settings_of(env, config, sets)
    story = explain(DeltaSql(root=settings.storage.warehouse), settings, claim)
    if as_json:
        print_json(asdict(story))
    else:
        _print(story)
    for what in story.left_out:
        tell(f"of {what} the newest alone are shown: there are more in the tables")


def _print(story: ClaimStory) -> None:
    print(f"claim {story.claim_number}, key {story.claim_key}")
    for title, name, columns in SECTIONS:
        rows: Sequence[object] = getattr(story, name)
        print(f"\n{title}")
        listed = [{column: getattr(row, column) for column in columns} for row in rows]
        print_rows(listed, columns, as_json=False, empty="  nothing")
