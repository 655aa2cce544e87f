"""The tracked tasks: the overview with its charts, and one task's timeline."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from claimx_lib.console.charts import length, shares, stacked
from claimx_lib.console.render import desk_of, page
from claimx_lib.console.wording import percent
from claimx_lib.domain.digits import whole
from claimx_lib.operations.task_timeline import MOST_EVENTS, TaskTimeline, find_tasks, task_timeline
from claimx_lib.operations.tracking_overview import Overview, StuckRules, tracking_overview

router = APIRouter()
SPANS = {"7": 7, "30": 30, "90": 90}
SERIES = ("enriched", "not_found", "failed", "skipped")


@router.get("/tracking")
def overview(request: Request, days: str = "30", q: str = "") -> HTMLResponse:
    """Status counts, enrichment rate, stuck tasks, and the tasks themselves."""
    desk, span = desk_of(request), SPANS.get(days, 30)
    now = desk.clock.now()
    analysis = desk.settings.analysis
    rules = StuckRules(quantile=analysis.stuck_quantile, min_observations=analysis.stuck_min_observations)
    told = tracking_overview(desk.tables, rules, now=now, days=span)
    labels = [f"{day.day:%-d %b}" for day in told.days]
    series = {name: [getattr(day, name) for day in told.days] for name in SERIES}
    return page(
        request,
        "tracking.html",
        section="tracking",
        title="Tracking",
        overview=told,
        days=span,
        q=q.strip()[:64],
        rules=rules,
        tasks=find_tasks(desk.tables, q.strip()[:64], now=now),
        bar=lambda n: length(n, max(row.tasks for row in told.statuses)),
        rate_chart=shares(labels, [day.rate for day in told.days]),
        rate_label=_rate_label(told),
        days_chart=stacked(labels, series, width=1160, height=220),
        days_label=f"Events by day and outcome of their enrichment, {told.events:,} in all; the figures are below",
    )


@router.get("/tracking/tasks/{assignment_id}")
def timeline(request: Request, assignment_id: str) -> HTMLResponse:
    """One task, event by event, and the time it spent in each status."""
    desk = desk_of(request)
    number = whole(assignment_id, digits=10)
    told = task_timeline(desk.tables, -1 if number is None else number)
    stays = _stays(told, desk.clock.now())
    return page(
        request,
        "task.html",
        section="tracking",
        title=f"Task {told.assignment_id}",
        timeline=told,
        most=MOST_EVENTS,
        stays=stays,
        bar=lambda seconds: length(seconds, max(stay[1] for stay in stays)),
    )


def _stays(told: TaskTimeline, now: datetime) -> list[tuple[str, float, bool]]:
    """Each status up to now once, in the order of first sight, with its seconds and whether the task stands there now."""
    happened = [event for event in told.events if event.at <= now]
    seconds: dict[str, float] = {}
    for event in happened:
        until_now = (now - event.at).total_seconds()
        lasted = until_now if event.lasted_seconds is None else min(event.lasted_seconds, until_now)
        seconds[event.status] = seconds.get(event.status, 0.0) + lasted
    return [(status, lasted, status == happened[-1].status) for status, lasted in seconds.items()]


def _rate_label(told: Overview) -> str:
    return f"Share of events enriched by day; {percent(told.rate)} over all days; the figures are below"
