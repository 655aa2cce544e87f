"""Request targets made from what came from outside."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from claimx_lib.domain.api_path import filled, is_url_id, same_host_target, with_query

BASE = "https://api.example.com:8443/base"


@given(st.text())
def test_an_id_in_a_path_is_letters_digits_underscore_and_dash(text):
    """Nothing that the allow-list lets through changes the path's shape."""
    target = filled("/api/{id}/tasks", id=text)
    assert (target == f"/api/{text}/tasks") if is_url_id(text) else (target is None)
    if target is not None:
        assert urlsplit(target).path.count("/") == 3


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_is_one_query_parameter(text):
    """What goes in comes out on the other side, whatever it is."""
    assert parse_qs(urlsplit(with_query("/p", claim_number=text)).query, keep_blank_values=True) == {
        "claim_number": [text]
    }


def test_a_parameter_replaces_its_older_self():
    """The next page of page 2 is page 3, not both."""
    assert with_query("/p?a=1&page=2", page="3") == "/p?a=1&page=3"


@example("////")
@given(st.text() | st.from_regex(r"(https?:)?//[^\s/]{0,20}/.{0,20}"))
def test_no_link_leads_away(link):
    """Whatever a server gives as the next page: an absolute path, of visible ASCII, on the host of the settings, or nothing."""
    target = same_host_target(BASE, "/base/p", link)
    if target is not None:
        assert target.startswith("/")
        assert not target.startswith("//")
        assert all("!" <= character <= "~" for character in target)


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("/base/p?page=2", "/base/p?page=2"),
        ("?page=2", "/base/p?page=2"),
        ("https://api.example.com:8443/base/p?page=2", "/base/p?page=2"),
        ("https://api.example.com/base/p?page=2", None),
        ("http://api.example.com:8443/base/p", None),
        ("https://evil.example.com:8443/base/p", None),
        ("//evil.example.com/p", None),
        ("https://api.example.com:8443@evil.example.com/", None),
        ("file:///etc/passwd", None),
        ("http://[", None),
        ("/base/p?x=a b\r\nX: 1", "/base/p?x=a%20bX:%201"),
    ],
)
def test_a_link_leads_to_the_same_host_or_nowhere(link, target):
    """Scheme, host and port come from the settings only."""
    assert same_host_target(BASE, "/base/p?page=1", link) == target
