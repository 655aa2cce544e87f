"""What happens in act two: estimates from XACT, projects from ClaimX, and how each claim finds its project."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from claimx_lib.config.settings import Settings
from claimx_lib.connectors.kafka_client import Message, send

ORDINARY = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One claim: its number in XACT, the one in ClaimX (None: not set there), its project, and what is told of it."""

    claim: str
    claimx_claim: str | None
    project_id: int
    told: str = ""


EARLY = Case(claim="ABC-100001", claimx_claim="ABC-100001", project_id=51_001, told="estimate before its project")
UNSET = Case(claim="ABC-200002", claimx_claim=None, project_id=52_002, told="claim number never set in ClaimX")
LOST = Case(claim="XYZ-500005", claimx_claim=None, project_id=55_005, told="no project to be found")
DROPPED = Case(
    claim="ABC-600006", claimx_claim="ABC-600006", project_id=56_006, told="ClaimX commits, drops the answer"
)
MISMATCHES = (
    Case(claim="DEF-300001", claimx_claim="DEF300001", project_id=53_001, told="dashes in XACT only"),
    Case(claim="def300002", claimx_claim="DEF300002", project_id=53_002, told="lower case in XACT"),
    Case(claim="0003000033", claimx_claim="3000033", project_id=53_003, told="leading zeros in XACT only"),
)
RIVALS = (
    Case(claim="GHI400004", claimx_claim="GHI-400004", project_id=54_001),
    Case(claim="GHI400004", claimx_claim="ghi-400004", project_id=54_002),
)
USUAL = tuple(
    Case(claim=f"JKL-{700_000 + n}", claimx_claim=f"JKL-{700_000 + n}", project_id=57_000 + n) for n in range(ORDINARY)
)


def estimate(case: Case, *, event_type: str = "ESTIMATE_CREATED") -> dict[str, Any]:
    """The XACT event of the case; its id follows from the claim."""
    return {
        "event_id": f"xact-{case.claim}-{event_type.lower()}",
        "event_type": event_type,
        "claim_number": case.claim,
        "timestamp": _now(),
        "estimate": {"estimate_id": f"est-{case.claim}", "total": 12_345.67},
    }


def project_event(case: Case) -> dict[str, Any]:
    """The ClaimX event of the case's project, with its claim number where ClaimX has one."""
    return {
        "event_id": f"project-{case.project_id}",
        "event_type": "PROJECT_CREATED",
        "project_id": str(case.project_id),
        "timestamp": _now(),
        "project": {"project_id": str(case.project_id), "project_name": f"Residence {case.project_id}"},
        "metadata": {"claim_number": case.claimx_claim} if case.claimx_claim else {},
    }


def send_estimates(settings: Settings, events: Sequence[dict[str, Any]]) -> None:
    """The events are on the XACT topic when this returns."""
    topic = settings.kafka.topics.xact_events
    send(settings.kafka, [Message(topic=topic, key=e["claim_number"], value=json.dumps(e)) for e in events])


def send_projects(settings: Settings, cases: Sequence[Case]) -> None:
    """The cases' project events are on ClaimX's topic when this returns."""
    topic = settings.kafka.topics.claimx_events
    send(
        settings.kafka,
        [Message(topic=topic, key=str(c.project_id), value=json.dumps(project_event(c))) for c in cases],
    )


def as_project(case: Case) -> dict[str, Any]:
    """The project as the simulator is to know it."""
    return {"project_id": case.project_id, "claim_number": case.claimx_claim, "name": f"Residence {case.project_id}"}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
