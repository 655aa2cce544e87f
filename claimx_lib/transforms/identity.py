"""What records of `project.sync` and `claimx.events` say about claims and projects, or why they say nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from claimx_lib.domain.identity import ACTIONS, CLAIMX, DOMAINS, MANUAL, SET
from claimx_lib.domain.reasons import Reason, missing
from claimx_lib.transforms.claim_number import claim_key, is_claim_number, trimmed
from claimx_lib.transforms.dead_letters import replayed_letter
from claimx_lib.transforms.decode import as_instant, as_long, has_lone_surrogate, json_object, text_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

IDENTITY = "identity"
PROJECT_ALONE = "project"
NOT_OURS = "not_ours"
PROJECT_EVENTS = "PROJECT_"
LONGEST_ID = 512
LONGEST_TEXT = 2_000

_FIELDS = ("event_id", "event_type", "domain", "project_id", "timestamp", "by", "why", "action", "metadata", "project")
_COORDINATES = ("topic", "partition", "offset")
_COLUMNS = (
    "event_id", "claim_number", "claim_key", "source", "action", "project_id", "event_timestamp", "by", "why",
    "is_project_event", "project_name", "address", "letter",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The topics that identity comes from; a person decides on `manual_decisions` alone."""

    claimx_events: str
    project_sync: str
    manual_decisions: str


def judged(frame: DataFrame, sources: Sources, *, max_future_seconds: float) -> DataFrame:
    """One row a record with its `outcome`: `identity`, `project` (an event without a claim number), `not_ours`, or a reason.

    Input: the columns of a Kafka record. Output: outcome, coordinates; event_id, claim_number, claim_key, source, action, project_id BIGINT, event_timestamp, by, why,
    is_project_event, project_name, address, letter (of which it is the replay). On `claimx.events` only PROJECT_* objects are ours.
    """
    parsed = _parsed(frame, sources)
    stated = parsed.select(
        *_COORDINATES,
        "timestamp",
        "event",
        "is_project_event",
        "letter",
        _text(F.col("event.event_id"), LONGEST_ID + 1).alias("event_id"),
        _claim(F.col("claim")).alias("claim_number"),
        F.col("claim").isNotNull().alias("has_claim"),
        _source().alias("source"),
        F.coalesce(F.when(~F.col("is_project_event"), F.col("event.action")), F.lit(SET)).alias("action"),
        F.coalesce(F.col("event.project_id"), F.col("project.project_id")).alias("given_project_id"),
        as_instant(F.col("event.timestamp")).alias("event_timestamp"),
        *(_text(F.col(f"event.{name}")).alias(name) for name in ("by", "why")),
        *(_text(F.col(f"project.{name}")).alias(name) for name in ("project_name", "address")),
    )
    typed = stated.withColumns(
        {
            "claim_key": claim_key(F.col("claim_number")),
            "project_id": as_long(F.col("given_project_id")),
            "why": F.when(F.col("is_project_event"), F.col("event.event_type")).otherwise(F.col("why")),
        }
    )
    verdicts = typed.select("*", _outcome(sources, max_future_seconds).alias("outcome"))
    is_known = F.col("outcome") != NOT_OURS
    return verdicts.select("outcome", *_COORDINATES, *(F.when(is_known, F.col(name)).alias(name) for name in _COLUMNS))


def refused(frame: DataFrame, reasons: DataFrame) -> DataFrame:
    """The records that become dead letters, as they were read, with their reason and a text that says why.

    Input: the columns of Kafka records; topic, partition, offset, reason, event_id, claim_number of the refused ones.
    """
    told = frame.join(F.broadcast(reasons), on=list(_COORDINATES), how="inner")
    return told.select(*_COORDINATES, "key", "value", "headers", "event_id", "claim_number", "reason", "error")


def error_of(outcome: str, sources: Sources) -> str:
    """Return what a person reads beside a reason; never a value of the event."""
    if outcome.startswith("missing-"):
        return f"{outcome.removeprefix('missing-')} is not there, null or blank"
    told = {
        Reason.UNDECODABLE: "not a JSON object in UTF-8",
        Reason.INVALID_FIELD: (
            f"domain must be one of {', '.join(DOMAINS)}, action {' or '.join(ACTIONS)}, event_id at most {LONGEST_ID} "
            f"characters long, and manual decisions come by {sources.manual_decisions} alone"
        ),
        Reason.INVALID_CLAIM_NUMBER: "claim_number must be 1 to 50 characters with more than dashes and zeros",
        Reason.INVALID_PROJECT_ID: "project_id is no whole number of 64 bits",
        Reason.BAD_TIMESTAMP: "timestamp is neither ISO 8601 with a zone nor epoch milliseconds, 2000 to 2100",
        Reason.FUTURE_TIMESTAMP: "timestamp is further ahead of the record's own than max_future_seconds allows",
    }
    return told[Reason(outcome)]


def _parsed(frame: DataFrame, sources: Sources) -> DataFrame:
    """Parses what may be ours: on `claimx.events` the bytes must hold PROJECT_ somewhere."""
    is_events = F.col("topic") == sources.claimx_events
    mentions = F.coalesce(F.contains(F.col("value"), F.lit(PROJECT_EVENTS.encode())), F.lit(col=False))
    text = F.when(~is_events | mentions, text_of(F.col("value")))
    letter = F.when(~is_events, replayed_letter(F.col("headers"))).alias("letter")
    read = frame.select(*_COORDINATES, "timestamp", is_events.alias("is_events"), text.alias("text"), letter)
    objects = read.select("*", json_object(F.col("text"), _FIELDS).alias("event"))
    nested = objects.select(
        *objects.columns,
        json_object(F.col("event.project"), ["project_id", "project_name", "address"]).alias("project"),
        F.when(F.col("is_events"), _first_claim()).otherwise(_given_claim(F.col("text"))).alias("claim"),
    )
    is_project_event = F.col("is_events") & F.col("event.event_type").startswith(PROJECT_EVENTS)
    return nested.select("*", F.coalesce(is_project_event, F.lit(col=False)).alias("is_project_event"))


def _first_claim() -> Column:
    return F.coalesce(_given_claim(F.col("event.metadata")), _given_claim(F.col("event.project")))


def _given_claim(text: Column) -> Column:
    """STRUCT<text, kind> of an object's claim number; NULL where it is missing, null or blank."""
    plain = json_object(text, ["claim_number"])["claim_number"]
    is_broken = plain.rlike(r"^[{\[]") & has_lone_surrogate(text)
    given = json_object(text, [], as_given=["claim_number"])["claim_number"]
    kind = F.when(~is_broken, F.schema_of_variant(given))
    return F.when(trimmed(plain) != "", F.struct(trimmed(plain).alias("text"), kind.alias("kind")))


def _claim(given: Column) -> Column:
    """The claim number that a JSON value stands for: a string, or an integer's digits; NULL where it is none."""
    is_digits = given["text"].rlike("^[0-9]+$")
    return F.when(is_claim_number(given["text"]) & ((given["kind"] == "STRING") | is_digits), given["text"])


def _source() -> Column:
    return F.when(F.col("is_project_event"), F.lit(CLAIMX)).otherwise(F.col("event.domain"))


def _text(value: Column, length: int = LONGEST_TEXT) -> Column:
    """A text that is there, without the white space around it, cut to a length."""
    return F.when(trimmed(value) != "", F.left(trimmed(value), F.lit(length)))


def _outcome(sources: Sources, max_future_seconds: float) -> Column:
    """The first thing that is wrong with a record, in this order; if nothing is, what it is."""
    is_sync = F.col("topic") != sources.claimx_events
    is_person = F.col("source") == MANUAL
    needs_project = F.col("is_project_event") | (is_person & (F.col("action") == SET))
    latest = F.col("timestamp") + F.make_dt_interval(secs=F.lit(max_future_seconds))
    checks = [
        (is_sync & F.col("event").isNull(), Reason.UNDECODABLE),
        (~is_sync & ~F.col("is_project_event"), NOT_OURS),
        (F.col("event_id").isNull(), missing("event_id")),
        (F.col("source").isNull(), missing("domain")),
        (_invalid_field(sources), Reason.INVALID_FIELD),
        (is_sync & ~F.col("has_claim"), missing("claim_number")),
        (F.col("has_claim") & F.col("claim_number").isNull(), Reason.INVALID_CLAIM_NUMBER),
        (needs_project & F.col("given_project_id").isNull(), missing("project_id")),
        (F.col("given_project_id").isNotNull() & F.col("project_id").isNull(), Reason.INVALID_PROJECT_ID),
        (F.col("event.timestamp").isNull(), missing("timestamp")),
        (F.col("event_timestamp").isNull(), Reason.BAD_TIMESTAMP),
        (F.col("event_timestamp") > latest, Reason.FUTURE_TIMESTAMP),
        (F.col("claim_number").isNull(), PROJECT_ALONE),
    ]
    found = (F.when(condition, F.lit(str(outcome))) for condition, outcome in checks)
    return F.coalesce(*found, F.lit(IDENTITY))


def _invalid_field(sources: Sources) -> Column:
    is_elsewhere = (F.col("source") == MANUAL) & (F.col("topic") != sources.manual_decisions)
    is_long = F.length("event_id") > LONGEST_ID
    return ~F.col("source").isin(*DOMAINS) | ~F.col("action").isin(*ACTIONS) | is_elsewhere | is_long
