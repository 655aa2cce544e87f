"""What stands in the body of an answer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.domain import api_pages
from claimx_lib.domain.api_pages import NextPage, NoJson

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["next", "page", "projects", "id", "x"]), inner),
    max_leaves=10,
)


@given(VALUES)
def test_nothing_in_a_body_can_hurt(value):
    """Every function takes every JSON value."""
    api_pages.next_page(value, None)
    api_pages.task_id_of(value)
    for item in api_pages.project_objects(value) or ():
        api_pages.project_id_of(item)
        api_pages.is_of_claim(item, "C")


@given(st.text() | st.text('[]{}",:0123456789.eE+-NaInfity', max_size=60))
def test_any_text_is_a_value_or_no_json(text):
    """Nothing else comes of a body, however it is spoilt."""
    try:
        api_pages.parsed(text)
    except NoJson:
        return


@pytest.mark.parametrize("text", ["", "nonsense", '{"a":', "NaN", '{"a": Infinity}', "[" * 100_000, "1" * 10_000])
def test_what_is_no_json_says_so(text):
    """One error for all of it, recursion and oversized numbers included."""
    with pytest.raises(NoJson):
        api_pages.parsed(text)


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        ('{"project_id": 7}', [7]),
        ('{"project_id": "7"}', [7]),
        ('{"project_id": null}', []),
        ('{"projects": [{"project_id": 7}, {"project_id": 8}]}', [7, 8]),
        ('[{"project_id": 7}]', [7]),
        ('{"projects": []}', []),
        ("{}", None),
        ('{"projects": {"project_id": 7}}', None),
        ('{"projects": [7]}', None),
        ('"7"', None),
    ],
)
def test_the_forms_of_a_project_search(body, ids):
    """One, several, none; and what is none of them is no answer."""
    found = api_pages.project_objects(api_pages.parsed(body))
    assert (None if found is None else [api_pages.project_id_of(item) for item in found]) == ids


@pytest.mark.parametrize(
    ("told", "is_ours"),
    [("ABC", True), (" ABC ", True), ("abc", False), (None, False), (["ABC"], False), (True, False)],
)
def test_a_claim_number_is_equal_or_another(told, is_ours):
    """Equality and nothing cleverer: another format is asked for by itself."""
    assert api_pages.is_of_claim({"claim_number": told}, "ABC") is is_ours


def test_a_claim_number_as_a_number_is_its_digits():
    """JSON integers are taken as their digits."""
    assert api_pages.is_of_claim({"claim_number": 123}, "123")


@pytest.mark.parametrize(
    ("value", "page"),
    [
        ({"next": "/p?page=2"}, NextPage(link="/p?page=2")),
        ({"next": {"href": "/p?page=2"}}, NextPage(link="/p?page=2")),
        ({"links": {"next": "/p?page=2"}}, NextPage(link="/p?page=2")),
        ({"next_page": 3}, NextPage(number=3)),
        ({"meta": {"next_page": "3"}}, NextPage(number=3)),
        ({"page": 1, "total_pages": 2}, NextPage(number=2)),
        ({"page": 2, "total_pages": 2}, None),
        ({"next": None}, None),
        ({"next": ""}, None),
        ({"next": True}, None),
        ([], None),
    ],
)
def test_how_an_answer_goes_on(value, page):
    """Links and page numbers, as servers give them."""
    assert api_pages.next_page(json.loads(json.dumps(value)), None) == page


def test_a_link_header_counts():
    """The header of RFC 8288 leads on too."""
    header = '</p?page=1>; rel="prev", </p?page=3>; rel="next"'
    assert api_pages.next_page([], header) == NextPage(link="/p?page=3")
