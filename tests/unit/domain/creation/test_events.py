"""Records from outside: read strictly, refused with a reason, never an exception."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.domain.creation.events import NotOurs, Refusal, SourceRecord, XactEvent, decoded
from claimx_lib.domain.instants import instant_of

TYPES = {"ESTIMATE_CREATED"}
AT = datetime(2026, 1, 10, tzinfo=UTC)


def read(value: bytes | None):
    return decoded(SourceRecord(topic="t", partition=0, offset=0, value=value, at=AT), TYPES)


def event(**fields):
    told = {"event_id": "e1", "event_type": "ESTIMATE_CREATED", "claim_number": "ABC-1", **fields}
    return json.dumps({name: value for name, value in told.items() if value != "absent"}).encode()


@given(
    st.none() | st.binary(max_size=200) | st.text(max_size=50).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_no_bytes_raise(value):
    """Whatever the bytes are, the record is an event, a refusal, or not ours."""
    assert isinstance(read(value), (XactEvent, Refusal, NotOurs))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ["event_id", "event_type", "claim_number", "timestamp", "estimate"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON | st.sampled_from(["ESTIMATE_CREATED", "C-1", 2**63])))
def test_no_field_raises(fields):
    """Whatever kind of value a field has: what becomes an event has texts for its id and its claim, and a key."""
    told = read(event(**fields))
    if isinstance(told, XactEvent):
        assert 0 < len(told.event_id) <= 512
        assert 0 < len(told.claim_number) <= 50
        assert told.claim_key
        told.event_id.encode()


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"  ",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"null",
        b"[]",
        b'"x"',
        b"1",
        b'{"a":NaN}',
        b'{"a":1}}',
        b'{"a":',
    ],
)
def test_what_is_no_json_object_is_undecodable(value):
    """Exactly one JSON object in UTF-8 without a byte-order mark is an event."""
    assert read(value).reason == "undecodable"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"event_type": "absent"}, "missing-event_type"),
        ({"event_id": "absent"}, "missing-event_id"),
        ({"event_id": " "}, "missing-event_id"),
        ({"event_id": {"a": 1}}, "missing-event_id"),
        ({"event_id": "\ud800"}, "invalid-field"),
        ({"event_id": "x" * 513}, "invalid-field"),
        ({"claim_number": "absent"}, "missing-claim_number"),
        ({"claim_number": None}, "missing-claim_number"),
        ({"claim_number": ""}, "missing-claim_number"),
        ({"claim_number": "000"}, "invalid-claim-number"),
        ({"claim_number": "a\u0000b"}, "invalid-claim-number"),
        ({"claim_number": "x" * 51}, "invalid-claim-number"),
        ({"claim_number": 1e5}, "invalid-claim-number"),
        ({"claim_number": -7}, "invalid-claim-number"),
        ({"claim_number": True}, "invalid-claim-number"),
        ({"claim_number": ["A"]}, "invalid-claim-number"),
        ({"claim_number": "\ud800"}, "invalid-claim-number"),
    ],
)
def test_each_fault_has_its_reason(fields, reason):
    """A field that is missing or can't be what it should is the reason of the dead letter."""
    assert read(event(**fields)).reason == reason


@pytest.mark.parametrize(
    ("given_number", "kept"), [(" ABC ", "ABC"), (12345, "12345"), (2**70, str(2**70)), ("=1+1", "=1+1")]
)
def test_claim_numbers_are_texts(given_number, kept):
    """White space around is cut; an integer is its digits, however large."""
    assert read(event(claim_number=given_number)).claim_number == kept


def test_a_type_without_a_rule_is_not_ours():
    """Other event types are none of our business, whatever else they lack; case matters."""
    assert isinstance(read(event(event_type="estimate_created", claim_number="absent")), NotOurs)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-10T12:00:00Z", datetime(2026, 1, 10, 12, tzinfo=UTC)),
        ("2026-01-10T12:00:00+02:00", datetime(2026, 1, 10, 10, tzinfo=UTC)),
        ("1768046400000", datetime(2026, 1, 10, 12, tzinfo=UTC)),
        ("2026-01-10T12:00:00", None),
        ("2026-02-30T12:00:00Z", None),
        ("1768046400", None),
        ("253402300800000", None),
        ("999999999999999", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59Z", None),
        ("soon", None),
        (None, None),
    ],
)
def test_instants(text, instant):
    """ISO 8601 with a zone or epoch milliseconds, from 2000 to 2100; anything else is none."""
    assert instant_of(text) == instant


def test_an_event_without_a_time_happened_when_its_record_was_written():
    """The record's own time stands in for a timestamp that can't be read."""
    assert read(event(timestamp="soon")).happened_at == AT
