"""People in free texts."""

from __future__ import annotations

import re

import pytest

from claimx_lib.domain.masking import key_pattern, masked_field, masked_text


@pytest.mark.parametrize(
    "text",
    ["ann.smith+x@mail.example.co.uk", "555-123-4567", "(555) 123-4567", "+1 555 123 4567", "0171 1234 567"],
)
def test_addresses_and_numbers_are_hidden(text: str) -> None:
    """What looks like an e-mail address or a telephone number is hidden, the words around it stay."""
    assert masked_text(f"call {text}, please") == "call ***, please"


@pytest.mark.parametrize(
    "text",
    [
        "32513",
        "evt-2026-0001",
        "2026-01-10T12:34:56.789Z",
        "ABC123456",
        "a9f0c1d2-1111-2222-3333-444455556666",
        "@home",
    ],
)
def test_ids_and_times_stay(text: str) -> None:
    """What messages are found again by is not taken for a person."""
    assert masked_text(text) == text


@pytest.mark.parametrize("text", ["1234-5678", "123-4567", "2026-0001", "CLM 1234 5678", "555-123-4567"])
def test_ids_that_look_like_a_number_stay(text: str) -> None:
    """In the fields that hold ids, in any spelling, groups of digits stay and addresses don't; elsewhere both are hidden."""
    ids = dict.fromkeys(("event_id", "claimNumber", "PROJECT_ID", "task_id", "id"), text)
    others = {"claim": f"a {text}", "event_id_2": text, "assignment_id": {"phone": "555-123-4567"}}
    given = {**ids, **others, "n": 5551234567, "none": None, "dead_letter_id": f"ann@example.com {text}"}
    shown = {name: masked_field(name, value) for name, value in given.items()}
    assert {name: shown[name] for name in ids} == ids
    assert not any("5678" in str(shown[name]) or "4567" in str(shown[name]) for name in others)
    assert (shown["n"], shown["none"], shown["dead_letter_id"]) == (5551234567, None, f"*** {text}")


def test_no_text_makes_it_slow() -> None:
    """A hostile text of a megabyte is done with in a moment: the patterns are bounded."""
    for text in ("a" * 1_000_000, "a." * 500_000, "1-" * 500_000, "+1 " * 300_000):
        assert masked_text(text) == text


def test_a_field_has_several_spellings() -> None:
    """`first_name` is also `firstName` and `FIRSTNAME`, never `xfirst_name`."""
    pattern = re.compile(f"(?i){key_pattern('first_name')}")
    assert [bool(pattern.fullmatch(n)) for n in ("first_name", "firstName", "FIRSTNAME", "xfirst_name")] == [
        True,
        True,
        True,
        False,
    ]


def test_a_star_stands_for_what_is_around_a_word() -> None:
    """`*phone*` is any field with the word in it, `*customer*name` one that begins so and ends so."""
    phone, name = (re.compile(f"(?i)(?:{key_pattern(field)})") for field in ("*phone*", "*customer*name"))
    assert all(phone.fullmatch(key) for key in ("phone", "homePhone", "phone_number_2"))
    assert all(name.fullmatch(key) for key in ("customerName", "customer_full_name"))
    assert not any(pattern.fullmatch(key) for pattern in (phone, name) for key in ("task_name", "status", "customer"))
