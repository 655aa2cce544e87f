from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.domain.claim_number import (
    KEY_RULES,
    RULES,
    claim_key,
    formats_to_ask,
    normalised,
    parsed_claim_number,
    rule_joining,
    rule_names,
    without_letter_prefix,
)

ASCII_CLAIMS = st.text(alphabet="aAbBzZ019-", min_size=1, max_size=20).filter(claim_key)


def documents_own_list(raw: str) -> list[str]:
    """`formats_to_try` of the document, line by line."""
    return [
        raw,
        raw.upper(),
        raw.lower(),
        raw.replace("-", ""),
        raw.replace("-", "").upper(),
        raw.lstrip("0"),
    ]


@given(ASCII_CLAIMS)
def test_formats_are_the_documents_own_list_first_and_in_its_order(raw: str) -> None:
    """Under the default rules the formats start with the document's list without repetitions, then come all rules."""
    asked = [f.text for f in formats_to_ask(raw, KEY_RULES)]
    every_rule = raw.upper().replace("-", "").lstrip("0")
    expected = [*documents_own_list(raw), every_rule, every_rule.lower()]
    assert asked == list(dict.fromkeys(text for text in expected if text))


def test_each_format_names_the_rules_that_lead_to_it() -> None:
    """A claim that every rule changes is asked for in eight formats, each with its rules' names."""
    assert [(f.text, f.rule) for f in formats_to_ask("00-aBc-12", KEY_RULES)] == [
        ("00-aBc-12", "exact"),
        ("00-ABC-12", "uppercase"),
        ("00-abc-12", "lowercase"),
        ("00aBc12", "remove_dashes"),
        ("00ABC12", "remove_dashes+uppercase"),
        ("-aBc-12", "strip_leading_zeros"),
        ("ABC12", "uppercase+remove_dashes+strip_leading_zeros"),
        ("abc12", "uppercase+remove_dashes+strip_leading_zeros+lowercase"),
    ]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((), ["0-aB"]),
        (("uppercase",), ["0-aB", "0-AB", "0-ab"]),
        (("lowercase",), ["0-aB", "0-AB", "0-ab"]),
        (("remove_dashes",), ["0-aB", "0aB"]),
        (("strip_leading_zeros",), ["0-aB", "-aB"]),
        (("remove_dashes", "strip_leading_zeros"), ["0-aB", "0aB", "-aB", "aB"]),
        (("strip_leading_zeros", "remove_dashes"), ["0-aB", "0aB", "-aB", "aB"]),
    ],
)
def test_only_configured_rules_make_formats(rules: tuple[str, ...], expected: list[str]) -> None:
    """A format is asked for only where its rules are configured; one rule of case stands for both cases."""
    assert [f.text for f in formats_to_ask("0-aB", rules)] == expected


def test_without_normalisation_only_the_number_as_given_is_asked() -> None:
    """`enable_format_normalization: false` leaves the exact format alone."""
    assert [f.rule for f in formats_to_ask("0-aB", KEY_RULES, enabled=False)] == ["exact"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ABC-123456", "ABC-123456"),
        (" \t\u00a0ABC 1\u3000\n", "ABC 1"),
        (123456, "123456"),
        (2**53 + 1, "9007199254740993"),
        (2**63, "9223372036854775808"),
        ("x" * 50, "x" * 50),
        ("  " + "x" * 50 + "  ", "x" * 50),
        ("\u05d0\u05d1-1", "\u05d0\u05d1-1"),
        ("e\u0301", "e\u0301"),
        ("=HYPERLINK(1)", "=HYPERLINK(1)"),
    ],
)
def test_strings_and_whole_numbers_are_claim_numbers(value: object, expected: str) -> None:
    """Strings and JSON integers of 1 to 50 characters are claim numbers, trimmed, otherwise as given."""
    assert parsed_claim_number(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 1.5, 1e5, -1, 0, -0, 10**300, {}, [], ["A"], b"A", "", " ", "\u3000", "-", "---", "0", "000",
        "0-0-0", "x" * 51, "A\x00B", "A\tB", "A\x85B", "A\x1bB", "\x1cA", "A\ud800", "\udfff",
    ],
)  # fmt: skip
def test_what_is_no_claim_number_is_none(value: object) -> None:
    """Other types, what is empty or too long, control characters, surrogates, and only dashes or zeros are refused."""
    assert parsed_claim_number(value) is None


@given(st.text())
def test_any_text_is_either_refused_or_a_fixed_point(text: str) -> None:
    """Whatever the text, nothing raises, and an accepted number is accepted again as itself."""
    accepted = parsed_claim_number(text)
    assert accepted is None or parsed_claim_number(accepted) == accepted


@given(ASCII_CLAIMS)
def test_every_default_format_has_the_claims_own_key(raw: str) -> None:
    """Under rules that the key holds no format leaves the key, so that none can reach a foreign claim's row."""
    assert {claim_key(f.text) for f in formats_to_ask(raw, KEY_RULES)} == {claim_key(raw)}


@given(st.text(), st.sampled_from(sorted(RULES)))
def test_a_rule_applied_twice_changes_nothing_more(text: str, rule: str) -> None:
    """Every rule is idempotent, for any text."""
    once = normalised(text, [rule])
    assert normalised(once, [rule]) == once


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("stra\u00dfe-1", "STRA\u00dfE1"),
        ("\u0131i\u0130", "\u0131I\u0130"),
        ("\u00e9\u03b1\u0436", "\u00c9\u0391\u0416"),
    ],
)
def test_letters_without_a_single_partner_keep_their_case(text: str, key: str) -> None:
    """Sharp s and both Turkish letters stay as they are, in any locale; accents, Greek and Cyrillic change."""
    assert claim_key(text) == key


@pytest.mark.parametrize(
    ("one", "other", "rule"),
    [
        ("ABC-1", "ABC-1", "exact"),
        ("ABC-1", "abc-1", "uppercase"),
        ("ABC-1", "ABC1", "remove_dashes"),
        ("ABC-1", "abc1", "remove_dashes+uppercase"),
        ("0012", "12", "strip_leading_zeros"),
        ("00-aB", "Ab", "uppercase+remove_dashes+strip_leading_zeros"),
        ("ABC-1", "ABC-2", None),
    ],
)
def test_two_numbers_are_joined_by_the_nearest_rule(one: str, other: str, rule: str | None) -> None:
    """The rule told is the first of the ladder that makes both equal, either way round."""
    assert rule_joining(one, other, KEY_RULES) == rule_joining(other, one, KEY_RULES) == rule


def test_rules_that_are_not_configured_join_nothing() -> None:
    """Two numbers with one claim key stay two where no configured rule makes them equal."""
    assert rule_joining("ABC-1", "ABC1", ["uppercase"]) is None


@given(ASCII_CLAIMS)
def test_every_rule_told_is_among_the_names_of_the_settings(raw: str) -> None:
    """The names that a label can take are known from the settings alone."""
    assert {f.rule for f in formats_to_ask(raw, KEY_RULES)} <= set(rule_names(KEY_RULES))


@pytest.mark.parametrize(
    ("key", "digits"),
    [
        ("ABC123456", "123456"),
        ("ABC00123", "123"),
        ("123456", "123456"),
        ("ABC", None),
        ("A1B2", None),
        ("A000", None),
        ("", None),
    ],
)
def test_the_letter_prefix_goes_only_before_digits(key: str, digits: str | None) -> None:
    """Letters and digits lose the letters and the zeros behind them; any other key has no such form."""
    assert without_letter_prefix(key) == digits
