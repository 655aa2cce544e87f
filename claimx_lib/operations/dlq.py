"""What people do with dead letters: back into the flow, given a project, or closed; each with who and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from claimx_lib.connectors.delta_sql import DeltaSql, Row, any_of, literal
from claimx_lib.connectors.kafka_client import Message, send
from claimx_lib.domain.clock import SYSTEM_CLOCK, Clock
from claimx_lib.domain.creation.headers import DEAD_LETTER_ID, REPLAY_COUNT, Replay, retry_headers
from claimx_lib.domain.creation.messages import replay_headers
from claimx_lib.domain.rate import RateLimiter
from claimx_lib.domain.reasons import GIVEN_BY_MAPPING, Reason
from claimx_lib.errors import ClaimxError, NotFound, UsageError
from claimx_lib.operations.letter_words import require_reason
from claimx_lib.operations.mapping_decisions import Decision, author, decision, messages
from claimx_lib.operations.review import TABLE, LetterFilter, LetterRow, letters_by_id, letters_wanted

if TYPE_CHECKING:
    from claimx_lib.config.settings import Settings

OPEN, REPLAYED = "OPEN", "REPLAYED"
CREATION, TRACKING, TRIGGER, MAPPING = "task_creation", "task_tracking", "task_trigger", "mapping_sync"
SOURCE = "x-source"
_WHOLE = """dead_letter_id, pipeline, state, reason, claim_number, event_id, source_topic, source_partition, source_offset,
 source_key, raw_value, headers, replay_count"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayable:
    """A letter's way back: the message, or why there is none."""

    dead_letter_id: str
    count: int
    message: Message | None
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterDesk:
    """Acts on letters for the command line and the console; messages go to our own topics only.

    `send` returns when every message is acknowledged. A replay that is sent and not yet marked may be sent again: the
    jobs take each (letter, count) up once.
    """

    settings: Settings
    tables: DeltaSql
    send: Callable[[Iterable[Message]], int]
    clock: Clock = SYSTEM_CLOCK

    def replay(self, dead_letter_ids: tuple[str, ...], *, by: str, why: str) -> None:
        """Back into the flow as they are; ClaimxError, and nothing sent, where one of them has no way back."""
        found = self.replayable(dead_letter_ids)
        refused = next((one for one in found if one.message is None), None)
        if refused is not None:
            raise ClaimxError(f"dead letter {refused.dead_letter_id[:12]}: {refused.refusal}", cure="nothing was sent")
        self.send_back(found, by=by, why=why)

    def resolve(self, dead_letter_id: str, project_id: int, *, by: str, why: str) -> None:
        """Publish the project of the letter's claim as a person's decision; its arrival replays the claim's letters,
        or, without `auto_recover`, this one and those that a person has decided already.

        Nothing is sent beside it: a replay that came in before the mapping would end as a letter again.
        """
        told = self.resolvable(dead_letter_id, project_id)
        self.send(messages(self.settings, [told], author(by, why), now=self.clock.now))
        self._mark((dead_letter_id,), by=by, why=why)

    def resolvable(self, dead_letter_id: str, project_id: int) -> Decision:
        """What `resolve` would publish; UsageError where the letter waits for no project, or the number is none."""
        (letter,) = self._letters((dead_letter_id,))
        if letter["state"] not in {OPEN, REPLAYED}:
            raise UsageError(
                f"dead letter {dead_letter_id[:12]} is {letter['state']}",
                cure="claimx mapping set gives its claim a project",
            )
        if letter["pipeline"] != CREATION or letter["reason"] not in GIVEN_BY_MAPPING or not letter["claim_number"]:
            raise UsageError(
                f"dead letter {dead_letter_id[:12]} ({letter['reason']}) does not wait for a project",
                cure="replay or discard it",
            )
        return decision(letter["claim_number"], project_id)

    def discard(self, dead_letter_ids: tuple[str, ...], *, by: str, why: str) -> int:
        """Close those that are open at this moment, so that nothing is made of them; return how many.

        One that was sent back is on its way, and a task may follow: it stays as it is.
        """
        closed = {"state": "'DISCARDED'", "closed_at": literal(self.clock.now())}
        values = {**closed, '"by"': literal(by), "why": literal(why)}
        return self.tables.update(TABLE, values, f"{any_of('dead_letter_id', dead_letter_ids)} AND state = '{OPEN}'")

    def replayable(
        self, dead_letter_ids: Sequence[str], values: Mapping[str, bytes] | None = None
    ) -> tuple[Replayable, ...]:
        """The way back of each letter; `values` are mended records in place of the refused ones."""
        mended = values or {}
        return tuple(self._way_back(row, mended.get(row["dead_letter_id"])) for row in self._letters(dead_letter_ids))

    def refusals(self, dead_letter_ids: Sequence[str]) -> dict[str, str]:
        """Why letters can't go back as they are, by id; one that can is not among them."""
        return {one.dead_letter_id: one.refusal for one in self.replayable(dead_letter_ids) if one.message is None}

    def send_back(self, found: Sequence[Replayable], *, by: str, why: str, per_second: float = float("inf")) -> int:
        """Send the messages, not faster than `per_second`, and mark each letter REPLAYED; return how many."""
        pace = RateLimiter(per_second, self.clock)
        ready = [one for one in found if one.message is not None]
        size = max(1, min(500, int(min(per_second, 500.0))))
        for start in range(0, len(ready), size):
            part = ready[start : start + size]
            for _ in part:
                pace.acquire()
            self.send([one.message for one in part if one.message is not None])
            for count in {one.count for one in part}:
                ids = tuple(one.dead_letter_id for one in part if one.count == count)
                self._mark(ids, by=by, why=why, state=REPLAYED, count=count)
        return len(ready)

    def _way_back(self, row: Row, mended: bytes | None) -> Replayable:
        headers = tuple((h["key"], h["value"]) for h in row["headers"] or ())
        told = retry_headers(headers).replay
        count = max(row["replay_count"] or 0, told.count if told is not None else 0) + 1
        value = mended if mended is not None else row["raw_value"]
        refusal = self._refusal(row, count, value, is_mended=mended is not None)
        message = None if refusal else self._message(row, count, value or b"", headers)
        return Replayable(dead_letter_id=row["dead_letter_id"], count=count, message=message, refusal=refusal)

    def _refusal(self, row: Row, count: int, value: bytes | None, *, is_mended: bool) -> str:
        most = self.settings.jobs.task_creation.max_replays
        reasons = {
            f"it is {row['state']}": row["state"] != OPEN,
            f"it came back {count - 1} times, and max_replays is {most}": count > most,
            "its record is gone": value is None or row["reason"] == str(Reason.OFFSETS_AGED_OUT),
            "its record can't go back as it is: give the tracking message with --value": (
                row["pipeline"] == TRIGGER and not is_mended
            ),
            "its record is no identity event: give one with --value": (
                row["pipeline"] == MAPPING and not is_mended and row["source_topic"] not in self._identity_topics()
            ),
            f"nobody takes letters of {row['pipeline']} back": row["pipeline"]
            not in {CREATION, TRACKING, TRIGGER, MAPPING},
        }
        return next((text for text, is_so in reasons.items() if is_so), "")

    def _message(self, row: Row, count: int, value: bytes, headers: tuple[tuple[str, bytes | None], ...]) -> Message:
        replay = Replay(dead_letter_id=row["dead_letter_id"], count=count)
        if row["pipeline"] == CREATION:
            told = replay_headers(replay, row["event_id"], row["claim_number"])
            key = row["claim_number"] or row["source_key"] or ""
            return _to(self.settings.jobs.task_creation.retry_topic, key, value, told)
        told = {DEAD_LETTER_ID: replay.dead_letter_id, REPLAY_COUNT: str(count)}
        kept = [(name, content) for name, content in headers if name == SOURCE and content is not None]
        if (
            row["pipeline"] == TRIGGER
        ):  # where the event stood, as task_trigger would have said; not what its sender says
            kept = [(SOURCE, f"{row['source_topic']}/{row['source_partition']}/{row['source_offset']}".encode())]
        topics = self.settings.kafka.topics
        topic = topics.project_sync if row["pipeline"] == MAPPING else topics.tracking
        if row["pipeline"] == MAPPING and row["source_topic"] in self._identity_topics():
            topic = row["source_topic"]
        sent = _to(topic, row["source_key"] or "", value, told)
        return Message(topic=sent.topic, key=sent.key, value=sent.value, headers=[*kept, *sent.headers])

    def _identity_topics(self) -> set[str]:
        topics = self.settings.kafka.topics
        return {topics.project_sync, topics.manual_decisions}

    def _letters(self, dead_letter_ids: Sequence[str]) -> list[Row]:
        rows = self.tables.ask(
            f"SELECT {_WHOLE} FROM t WHERE {any_of('dead_letter_id', tuple(dead_letter_ids))}", TABLE
        ).rows
        by_id = {row["dead_letter_id"]: row for row in rows}
        missing = next((one for one in dead_letter_ids if one not in by_id), None)
        if missing is not None:
            raise NotFound(f"no dead letter {missing[:80]}", cure="look at claimx dlq list")
        return [by_id[one] for one in dict.fromkeys(dead_letter_ids)]

    def _mark(
        self, dead_letter_ids: tuple[str, ...], *, by: str, why: str, state: str | None = None, count: int | None = None
    ) -> None:
        values = {'"by"': literal(by), "why": literal(why)}
        if state is not None and count is not None:
            values |= {"state": literal(state), "replay_count": f"CAST({count} AS INT)"}
        self.tables.update(TABLE, values, f"{any_of('dead_letter_id', dead_letter_ids)} AND state = '{OPEN}'")


def desk_of(settings: Settings) -> LetterDesk:
    """The desk over the tables and the broker that these settings name."""
    return LetterDesk(
        settings=settings,
        tables=DeltaSql(root=settings.storage.warehouse),
        send=lambda sent: send(settings.kafka, sent),
    )


def letters_meant(
    tables: DeltaSql,
    ids: Sequence[str],
    *,
    reason: str | None,
    since: datetime | None,
    limit: int,
    is_decided: bool | None = None,
) -> tuple[LetterRow, ...]:
    """The letters that a command names, whole: by id (or the beginning of one), or all open ones of a reason
    (`is_decided`: of these those that a person has decided, or those that nobody has).

    UsageError where both are given: nobody could tell whether the reason was to narrow the ids down.
    """
    if ids and (reason is not None or since is not None):
        raise UsageError(
            f"{ids[0][:80]} and {'--reason' if reason is not None else '--since'} together",
            cure="give ids, or --reason and --since",
        )
    if ids:
        whole = tuple(_whole_id(tables, one) for one in ids)
        return letters_by_id(tables, whole, is_whole=True)
    if reason is None:
        raise UsageError("no letter is named", cure="give ids, or --reason")
    require_reason(tables, reason)
    wanted = LetterFilter(reason=reason, since=since, is_decided=is_decided)
    return letters_wanted(tables, wanted, limit=limit, is_whole=True)


def _whole_id(tables: DeltaSql, beginning: str) -> str:
    shortest = 6
    sql = f"SELECT dead_letter_id FROM t WHERE starts_with(dead_letter_id, {literal(beginning)}) LIMIT 2"
    found = tables.ask(sql, TABLE).rows if len(beginning) >= shortest else ()
    if len(found) != 1:
        what = "several dead letters begin with" if found else "no dead letter"
        raise NotFound(f"{what} {beginning[:80]}", cure="look at claimx dlq list")
    return str(found[0]["dead_letter_id"])


def _to(topic: str, key: str, value: bytes, headers: Mapping[str, str]) -> Message:
    return Message(
        topic=topic, key=key, value=bytes(value), headers=[(n, t.encode("utf-8")) for n, t in headers.items()]
    )
