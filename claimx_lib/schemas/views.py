"""The SQL views over the tables: what `transforms/analysis` tells, for who asks in SQL.

Names in braces are filled in by `operations/views.py`: tables and views by name, and the parameters below.
A view takes no arguments: its caller filters, and "now" is when it is asked.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSpec:
    """A view: its name, what it tells, and its SELECT."""

    name: str
    comment: str
    sql: str


PARAMETERS = ("as_of", "timezone", "terminal", "limits", "quantile", "min_observations")
"""`analysis.*` of the settings as SQL; `as_of` is the moment of asking."""

_TASK = "task_id, assignment_id, project_id"
_IN_ORDER = f"PARTITION BY {_TASK} ORDER BY event_timestamp, source_topic, source_partition, source_offset, event_id"


def _day(at: str) -> str:
    """The calendar day in `analysis.timezone`, whatever the session's time zone is."""
    return f"date_from_unix_date(CAST(floor(unix_seconds(from_utc_timestamp({at}, {{timezone}})) / 86400) AS INT))"


LIFECYCLE = ViewSpec(
    name="cabinet_task_lifecycle",
    comment="Every event of every task, with the days to completion (the specification's first sample query)",
    sql="""
SELECT task_id, assignment_id, task_status, event_timestamp, task_created_at, task_completed_at,
  datediff(task_completed_at, task_created_at) AS days_to_complete
FROM {itel_cabinet_task_tracking}""",
)

TRANSITIONS = ViewSpec(
    name="cabinet_status_transitions",
    comment="How often each status was seen in each UTC month (the specification's second sample query)",
    sql="""
SELECT year, month, task_id, task_status, count(*) AS status_count,
  min(event_timestamp) AS first_seen, max(event_timestamp) AS last_seen
FROM {itel_cabinet_task_tracking}
GROUP BY year, month, task_id, task_status""",
)

STAYS = ViewSpec(
    name="cabinet_status_stays",
    comment="Each stay of a task in a status, in the order of events; has_gap, is_exact: where events are missing",
    sql=f"""
WITH told AS (
  SELECT *, lag(task_status) OVER in_order AS before, lag(previous_status) OVER in_order AS told_before
  FROM {{itel_cabinet_task_tracking}} WHERE event_timestamp <= {{as_of}}
  WINDOW in_order AS ({_IN_ORDER})
), entered AS (
  SELECT *, previous_status IS NOT NULL AND NOT (previous_status <=> before) AS has_gap FROM told
  WHERE before IS NULL OR before <> task_status
    OR coalesce(previous_status <> task_status AND previous_status <> told_before, false)
), stays AS (
  SELECT *, lead(event_timestamp) OVER in_order AS left_at, lead(has_gap, 1, false) OVER in_order AS ends_in_gap
  FROM entered WINDOW in_order AS ({_IN_ORDER})
), ended AS (
  SELECT *, left_at IS NULL AND lower(task_status) NOT IN ({{terminal}}) AS is_open FROM stays
)
SELECT {_TASK}, task_status, event_timestamp AS entered_at, left_at,
  (unix_micros(coalesce(left_at, CASE WHEN is_open THEN {{as_of}} END)) - unix_micros(event_timestamp))
    / 3600000000 AS hours,
  is_open, has_gap, NOT (has_gap AND previous_status = task_status) AND NOT ends_in_gap AS is_exact
FROM ended""",  # noqa: S608  (constants of this file)
)

TIME_IN_STATUS = ViewSpec(
    name="cabinet_time_in_status",
    comment="Hours that each task spent in each status, open stays up to now",
    sql=f"""
SELECT {_TASK}, task_status, round(sum(hours), 4) AS hours, count(*) AS stays,
  bool_or(is_open) AS is_open, bool_and(is_exact) AS is_exact
FROM {{cabinet_status_stays}} WHERE hours IS NOT NULL
GROUP BY {_TASK}, task_status""",  # noqa: S608
)

SLA = ViewSpec(
    name="cabinet_sla",
    comment="Stays in statuses that have a limit (analysis.sla_hours); is_breached is NULL where the length is not known",
    sql=f"""
SELECT {_TASK}, task_status, entered_at, hours, limit_hours,
  CASE WHEN is_exact THEN hours > limit_hours END AS is_breached, is_open
FROM {{cabinet_status_stays}} JOIN ({{limits}}) AS limits ON lower(task_status) = limits.status
WHERE hours IS NOT NULL""",  # noqa: S608
)

STUCK = ViewSpec(
    name="cabinet_stuck_tasks",
    comment="Open stays longer than most closed ones in the same status (analysis.stuck_quantile, stuck_min_observations)",
    sql=f"""
WITH usual AS (
  SELECT task_status, count(*) AS stays, percentile(hours, 0.5) AS median_hours,
    percentile(hours, {{quantile}}) AS limit_hours
  FROM {{cabinet_status_stays}} WHERE left_at IS NOT NULL AND is_exact
  GROUP BY task_status HAVING count(*) >= {{min_observations}}
)
SELECT {_TASK}, now.task_status, entered_at, hours, median_hours, limit_hours, stays
FROM {{cabinet_status_stays}} AS now JOIN usual ON now.task_status = usual.task_status
WHERE is_open AND hours > limit_hours""",  # noqa: S608
)

THROUGHPUT = ViewSpec(
    name="cabinet_throughput",
    comment="Events, tasks begun and tasks finished on each day of analysis.timezone",
    sql=f"""
WITH tasks AS (
  SELECT {_TASK}, min(event_timestamp) AS seen_at,
    min(CASE WHEN lower(task_status) IN ({{terminal}}) THEN event_timestamp END) AS done_at
  FROM {{itel_cabinet_task_tracking}} GROUP BY {_TASK}
), happened AS (
  SELECT {_day("event_timestamp")} AS day, 1 AS event, 0 AS started, 0 AS finished FROM {{itel_cabinet_task_tracking}}
  UNION ALL SELECT {_day("seen_at")}, 0, 1, 0 FROM tasks
  UNION ALL SELECT {_day("done_at")}, 0, 0, 1 FROM tasks WHERE done_at IS NOT NULL
)
SELECT day, sum(event) AS events, sum(started) AS tasks_started, sum(finished) AS tasks_finished
FROM happened GROUP BY day""",  # noqa: S608
)

REOPENINGS = ViewSpec(
    name="cabinet_reopenings",
    comment="Each event that took a task out of a terminal status",
    sql=f"""
WITH told AS (
  SELECT *, lag(task_status) OVER ({_IN_ORDER}) AS before FROM {{itel_cabinet_task_tracking}}
)
SELECT {_TASK}, event_timestamp AS reopened_at, before AS from_status, task_status AS to_status
FROM told WHERE lower(before) IN ({{terminal}}) AND lower(task_status) NOT IN ({{terminal}})""",  # noqa: S608
)

REASSIGNMENTS = ViewSpec(
    name="cabinet_reassignments",
    comment="Each event that gave a task to another user",
    sql=f"""
WITH told AS (
  SELECT *, lag(assigned_to_user_id) OVER ({_IN_ORDER}) AS before
  FROM {{itel_cabinet_task_tracking}} WHERE assigned_to_user_id IS NOT NULL
)
SELECT {_TASK}, event_timestamp AS reassigned_at, before AS from_user_id, assigned_to_user_id AS to_user_id
FROM told WHERE before <> assigned_to_user_id""",  # noqa: S608
)

ENRICHMENT = ViewSpec(
    name="cabinet_enrichment_by_day",
    comment="Rows by day and enrichment status, with their share of what ClaimX was asked about",
    sql=f"""
WITH counted AS (
  SELECT {_day("event_timestamp")} AS day, enrichment_status, count(*) AS rows
  FROM {{itel_cabinet_task_tracking}} GROUP BY 1, 2
)
SELECT day, enrichment_status, rows,
  CASE WHEN enrichment_status <> 'skipped' THEN
    rows / sum(CASE WHEN enrichment_status <> 'skipped' THEN rows END) OVER (PARTITION BY day) END AS share
FROM counted""",  # noqa: S608
)

RESCUED = ViewSpec(
    name="cabinet_rescued_fields",
    comment="Fields whose values did not fit their columns",
    sql="""
WITH found AS (
  SELECT event_timestamp, explode(json_object_keys(rescued_data)) AS field
  FROM {itel_cabinet_task_tracking} WHERE rescued_data IS NOT NULL
)
SELECT field, count(*) AS rows, min(event_timestamp) AS first_seen, max(event_timestamp) AS last_seen
FROM found GROUP BY field""",
)

TRACKING_VIEWS = (
    LIFECYCLE, TRANSITIONS, STAYS, TIME_IN_STATUS, SLA, STUCK, THROUGHPUT, REOPENINGS, REASSIGNMENTS, ENRICHMENT, RESCUED
)  # fmt: skip
"""In the order in which they can be made: a view rests on tables and earlier views."""
