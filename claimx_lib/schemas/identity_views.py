"""The SQL views over the tables of task creation; see `schemas/views.py`."""

from __future__ import annotations

from claimx_lib.schemas.claim_key import CLAIM_KEY
from claimx_lib.schemas.views import TRACKING_VIEWS, ViewSpec

_AGE = """CASE WHEN {hours} < 1 THEN 'under 1 h' WHEN {hours} < 24 THEN '1 to 24 h'
    WHEN {hours} < 72 THEN '1 to 3 days' WHEN {hours} < 168 THEN '3 to 7 days' ELSE 'over 7 days' END"""


def _by_age(since: str, reason: str, source: str) -> str:
    hours = f"((unix_micros({{as_of}}) - unix_micros({since})) / 3600000000)"
    return f"""
SELECT {_AGE.format(hours=hours)} AS age, {reason} AS reason, count(*) AS events, max({hours}) AS oldest_hours
FROM {source}
GROUP BY 1, 2"""  # noqa: S608  (constants of this file)


MADE = ViewSpec(
    name="identity_tasks",
    comment="Each ClaimX task made for an estimate, once",
    sql="""
SELECT idempotency_key, event_id, claim_number, project_id, resolved_by, created_at FROM (
  SELECT *, at AS created_at, row_number() OVER (PARTITION BY idempotency_key ORDER BY at, attempt_id) AS place
  FROM {xact_task_ledger} WHERE state IN ('CREATED', 'ADOPTED')
) WHERE place = 1""",
)

RESOLVED = ViewSpec(
    name="identity_resolved_tasks",
    comment="How the claim of each task found its project: way, rule, and the source that had told of it before",
    sql=f"""
WITH told AS (
  SELECT claim_key, `to` AS project_id, source, at FROM {{claim_project_mapping_history}}
  WHERE outcome = 'accepted' AND `to` IS NOT NULL
), made AS (
  SELECT *, {CLAIM_KEY} AS claim_key, split_part(resolved_by, ':', 1) AS way,
    nullif(split_part(resolved_by, ':', 2), '') AS rule FROM {{identity_tasks}}
), sourced AS (
  SELECT made.idempotency_key, made.event_id, made.claim_number, made.project_id, created_at, way, rule,
    max_by(told.source, told.at) AS newest_source
  FROM made LEFT JOIN told
    ON made.claim_key = told.claim_key AND made.project_id = told.project_id AND told.at <= made.created_at
  GROUP BY ALL
)
SELECT idempotency_key, event_id, claim_number, project_id, created_at, coalesce(way, 'unknown') AS way,
  coalesce(rule, 'unknown') AS rule, CASE WHEN way = 'api' THEN 'claimx' ELSE coalesce(newest_source, 'unknown') END AS source
FROM sourced""",  # noqa: S608
)

DELAY = ViewSpec(
    name="identity_delay_to_task",
    comment="Seconds from an estimate's event to its task, as long as the plan is kept",
    sql="""
WITH estimates AS (
  SELECT event_id, min(try_cast(get_json_object(payload, '$.subject.event.happened_at') AS TIMESTAMP)) AS happened_at,
    bool_or(decision IN ('Wait', 'GiveUp')) AS has_waited
  FROM {xact_task_plan} WHERE event_id IS NOT NULL GROUP BY event_id
)
SELECT idempotency_key, made.event_id, claim_number, coalesce(resolved_by, 'unknown') AS rule, happened_at, created_at,
  (unix_micros(created_at) - unix_micros(happened_at)) / 1000000 AS seconds, has_waited
FROM {identity_tasks} AS made JOIN estimates ON made.event_id = estimates.event_id
WHERE happened_at IS NOT NULL""",
)

CONFLICTS = ViewSpec(
    name="identity_conflicts",
    comment="Claims, in any spelling, that were told to belong to more than one project",
    sql="""
SELECT claim_key, sort_array(collect_set(claim_number)) AS claim_numbers, sort_array(collect_set(`to`)) AS project_ids,
  count_if(outcome = 'conflict') AS conflicts, bool_or(source = 'manual' AND outcome = 'accepted' AND is_last) AS is_decided,
  max(at) AS last_at
FROM (
  SELECT *, lead(outcome) OVER (
    PARTITION BY claim_number, source = 'manual' ORDER BY event_timestamp, event_id, action
  ) IS NULL AS is_last
  FROM {claim_project_mapping_history} WHERE outcome IN ('accepted', 'conflict', 'withdrawn')
) WHERE outcome IN ('accepted', 'conflict') AND `to` IS NOT NULL
GROUP BY claim_key HAVING size(collect_set(`to`)) > 1""",
)

PENDING_BY_AGE = ViewSpec(
    name="identity_pending_by_age",
    comment="XACT events that wait for their project, by age and reason",
    sql=_by_age("first_seen_at", "last_reason", "{xact_task_pending}"),
)

LETTERS_BY_AGE = ViewSpec(
    name="identity_dead_letters_by_age",
    comment="Open dead letters, by age and reason",
    sql=_by_age("opened_at", "reason", "(SELECT * FROM {dead_letters} WHERE state = 'OPEN')"),
)

VIEWS = (*TRACKING_VIEWS, MADE, RESOLVED, DELAY, CONFLICTS, PENDING_BY_AGE, LETTERS_BY_AGE)
"""In the order in which they can be made."""
