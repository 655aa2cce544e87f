"""People in JSON texts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from claimx_lib.config.load import load
from claimx_lib.domain.masking import masked_field
from claimx_lib.transforms.masking import masked_json

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FIELDS = ["name", "first_name", "email", "phone", "address"]


def masked(spark: SparkSession, *texts: str, fields: list[str] = FIELDS) -> list[object]:
    frame = spark.createDataFrame([(text,) for text in texts], "v STRING")
    return [row.m and json.loads(row.m) for row in frame.select(masked_json(F.col("v"), fields).alias("m")).collect()]


def test_listed_fields_are_hidden_at_any_depth(spark: SparkSession) -> None:
    """By name in any case and spelling, whatever the value; ids and other names stay."""
    given = {
        "project_name": "stays", "NAME": 'A "quoted" \\ name', "a": [{"firstName": "Ann", "phone": [1, "2]"]}],
        "address": {"street": 'x "}" y', "no": 1}, "email": None, "id": "e-1", "note": "ask ann@example.com, 555-123-4567",
    }  # fmt: skip
    assert masked(spark, json.dumps(given)) == [
        {"project_name": "stays", "NAME": "***", "a": [{"firstName": "***", "phone": "***"}], "address": "***",
         "email": "***", "id": "e-1", "note": "ask ***, ***"}
    ]  # fmt: skip


def test_the_settings_name_what_systems_call_a_person(spark: SparkSession) -> None:
    """By the default `pii.fields`, the usual spellings of name, phone, mail and address are hidden; ids, statuses and
    names of things are not.
    """
    people = ["insuredName", "customer_full_name", "PolicyHolderName", "homeowner_name", "contactName", "projectName",
              "homePhone", "phone_number_2", "mobileNo", "emailAddress", "addressLine1", "loss_address", "streetName",
              "city", "zipCode", "postal_code"]  # fmt: skip
    things = {
        "task_name": "Cabinet",
        "status": "assigned",
        "claim_number": "A-1",
        "project_id": "12345",
        "capacity": "3",
    }
    given = {**dict.fromkeys(people, "Zebulon 5551234567"), **things}

    [told] = masked(spark, json.dumps({"project": given}), fields=load(environ={}).pii.fields)

    assert told == {"project": {**dict.fromkeys(people, "***"), **things}}


def test_a_value_is_hidden_whole_whatever_is_in_it(spark: SparkSession) -> None:
    """Objects within an address, and a list of thousands of people, leave nothing behind; what follows stays."""
    given = {
        "address": {"line1": "17 Lane", "place": {"lat": 1, "lines": [["]}", {"x": "17 Lane"}]]}},
        "name": [{"first": "Ann", "n": n} for n in range(5_000)],
        "email": ["ann"] * 5_000,
        "phone": [],
        "id": 7,
    }
    hidden = dict.fromkeys(("address", "name", "email", "phone"), "***")
    assert masked(spark, json.dumps(given)) == [{**hidden, "id": 7}]


def test_what_is_nested_too_deep_is_not_shown(spark: SparkSession) -> None:
    """A value that can't be hidden whole leaves nothing of the text, at any place; one without it is no matter."""
    deep: object = "17 Lane"
    for _ in range(12):
        deep = [deep]
    assert masked(spark, json.dumps({"id": 1, "a": {"address": deep}}), json.dumps({"a": deep})) == [None, {"a": deep}]


def test_what_is_no_json_is_not_shown(spark: SparkSession) -> None:
    """A text that cannot be read cannot be masked."""
    assert masked(spark, '{"name": "Ann', "plain") == [None, None]


def test_a_long_text_is_masked_too(spark: SparkSession) -> None:
    """Megabytes of escapes neither overflow a stack nor hide what follows."""
    [told] = masked(spark, json.dumps({"x": '"\\' * 500_000, "name": "Ann"}))
    assert told["name"] == "***"


def test_what_is_not_hidden_stays_as_it_was(spark: SparkSession) -> None:
    """Quotes and backslashes, alone and in rows, read back as they were."""
    given = {"a": '"', "b": "\\", "c": '\\"\\\\"', "d": ["\\u0001", "\\n\n"]}
    assert masked(spark, json.dumps({**given, "name": '\\"'})) == [{**given, "name": "***"}]


IDS = ["1234-5678", "123-4567", "2026-0001", "CLM 1234 5678", "555-123-4567"]


def test_ids_are_nobodys_phone(spark: SparkSession) -> None:
    """A claim number that looks like a phone number stays, in each spelling of its field and at any depth, among candidates
    and in JSON that stands as a text too; beside it, and in fields that are no ids, people are hidden.
    """
    for text in IDS:
        ids = {"claim_number": text, "eventId": text, "event": {"estimate": {"id": text, "ESTIMATE_ID": text}},
               "candidates": [{"claim_number": text, "project_id": text}, {"claim_number": "x", "project_id": 7}]}  # fmt: skip
        people = {
            "note": f"{text} or 555-123-4567",
            "claim": text,
            "my_event_id": "555-123-4567",
            "ids": ["555-123-4567"],
        }
        hidden = {"note": "CLM *** or ***" if text.startswith("CLM") else "*** or ***",
                  "claim": "CLM ***" if text.startswith("CLM") else "***", "my_event_id": "***", "ids": ["***"]}  # fmt: skip
        given, within = {**ids, **people, "z": ids}, json.dumps({**ids, **people})
        for fields in (FIELDS, []):
            told, wrapped = masked(spark, json.dumps(given), json.dumps({"custom": within}), fields=fields)
            assert told == {**ids, **hidden, "z": ids}
            assert json.loads(wrapped["custom"]) == {**ids, **hidden}


def test_an_address_in_an_id_is_hidden(spark: SparkSession) -> None:
    """Whoever is named in an id by mail, and what is no plain text there, is hidden as everywhere; the settings go first."""
    given = {
        "event_id": "2026-0001 ann@example.com 1234-5678",
        "claim_number": ["555-123-4567"],
        "task_id": {"note": "555-123-4567"},
        "project_id": "",
    }
    hidden = {**given, "event_id": "2026-0001 *** 1234-5678", "claim_number": ["***"], "task_id": {"note": "***"}}
    assert masked(spark, json.dumps(given)) == [hidden]
    assert masked(spark, json.dumps({"claim_number": "1234-5678"}), fields=["claim_number"]) == [
        {"claim_number": "***"}
    ]


TEXTS = st.text(alphabet="aA@.x -+()0123456789012345678901234567\n\t:/\u00e9", max_size=40)
VALUES = st.one_of(
    TEXTS, st.sampled_from(["555-123-4567", "(555) 123-4567@x.org", "a@b.co 2026-0001\n+1 555 123 4567"])
)
NAMES = st.sampled_from(["event_id", "claimNumber", "ID", "note", "my_id", "claim_number_2", "taskid"])


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(NAMES, VALUES), min_size=60, max_size=60))
def test_messages_and_log_lines_hide_the_same(spark: SparkSession, fields: list[tuple[str, str]]) -> None:
    """A field of a message shows in Spark what it shows in Python."""
    told = masked(spark, *(json.dumps({name: text}) for name, text in fields))
    assert told == [{name: masked_field(name, text)} for name, text in fields]


def test_numbers_are_nobodys_phone(spark: SparkSession) -> None:
    """A coordinate in an array stays a number, whatever it looks like; a text that looks like it is hidden."""
    given = {
        "at": [1234.567, -1234.5678, 139.6917],
        "b": [["x", 1234.567]],
        "c": 1234.567,
        "d": ["1234.567", "a,1234.567"],
    }
    hidden = {**given, "d": ["***", "a,***"]}
    assert masked(spark, json.dumps(given)) == [hidden]
    assert masked(spark, json.dumps(given), fields=[]) == [hidden]


def test_people_on_a_line_of_their_own_are_hidden(spark: SparkSession) -> None:
    """An escape in the JSON is no letter of what follows it: line breaks and tabs hide nobody, and stay as they were."""
    people = ("ann@example.com", "555-123-4567", "(555) 123-4567")
    for before in ("\n", "x\t", "\r\n", "\f", "\b", "\x01", "\\n", "a\\\n"):
        note = "".join(f"{before}{person}\n" for person in people)
        told, within = masked(spark, json.dumps({"note": note}), json.dumps({"custom": json.dumps({"note": note})}))
        hidden = {"note": f"{before}***\n" * 3}
        assert told == hidden
        assert json.loads(within["custom"]) == hidden


def test_json_that_stands_as_a_text_is_masked_too(spark: SparkSession) -> None:
    """Fields within it are hidden by their names; where one holds more than a plain value, nothing is shown."""
    custom = json.dumps({"first_name": "Ann", "phone": 5551234, "kind": "x"})
    told = masked(
        spark, json.dumps({"id": 1, "custom": custom}), json.dumps({"custom": json.dumps({"address": ["17 Lane"]})})
    )
    assert told[0]["id"] == 1
    assert json.loads(told[0]["custom"]) == {"first_name": "***", "phone": "***", "kind": "x"}
    assert told[1] is None
