"""The offline checker: what was left behind against the invariants of docs/reliability.md, without the product's code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from tests.faults import check_creation, check_mapping, check_pace, check_secrets, check_tracking
from tests.faults.evidence import NOT_OURS, PROJECT_EVENT, Evidence
from tests.faults.plan import BOTH_PIPELINES

Check = Callable[[Evidence], Iterator[str]]

TRACKING: Mapping[str, Sequence[Check]] = {
    "I1": (check_tracking.conservation,),
    "I6": (check_tracking.messages_agree,),
    "I7": (check_tracking.one_row_an_event,),
    "I8": (check_pace.it_ends,),
    "I9": (check_secrets.nothing_leaks,),
    "I10": (check_pace.nothing_moves,),
    "I11": (check_pace.pace_is_kept,),
}
IDENTITY: Mapping[str, Sequence[Check]] = {
    "I1": (check_mapping.conservation, check_creation.conservation),
    "I2": (check_creation.at_most_one_task,),
    "I3": (check_creation.exactly_one_task,),
    "I4": (check_creation.intent_before_post,),
    "I5": (check_mapping.newest_wins, check_mapping.newest_of_projects),
    "I8": (check_pace.it_ends,),
    "I9": (check_secrets.nothing_leaks,),
    "I10": (check_pace.nothing_moves,),
    "I11": (check_pace.pace_is_kept,),
}
OF_PIPELINE = {"tracking": TRACKING, "identity": IDENTITY}


def violations(evidence: Evidence, pipeline: str) -> list[str]:
    """Each rule that was broken, as a sentence with the ids that show it; none where every invariant holds."""
    if pipeline == BOTH_PIPELINES:
        return [*violations(_as_tracking_sees(evidence), "tracking"), *violations(evidence, "identity")]
    return [told for checks in OF_PIPELINE[pipeline].values() for check in checks for told in check(evidence)]


def _as_tracking_sees(evidence: Evidence) -> Evidence:
    """The events of projects, which mapping_sync takes from the same topic, are not tracking's."""
    seen = [replace(one, outcome=NOT_OURS) if one.kind == PROJECT_EVENT else one for one in evidence.produced]
    return replace(evidence, produced=seen)
