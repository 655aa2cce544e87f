"""A secret shows itself to nobody."""

from __future__ import annotations

import pickle
import traceback

from claimx_lib.domain.secret import Secret

TEXT = "sentinel-token"


def test_no_way_of_printing_shows_it():
    """repr, str, format and containers give three stars."""
    secret = Secret(TEXT)
    told = [repr(secret), str(secret), f"{secret}", f"{secret:>20}", repr([secret]), repr({"token": secret})]
    assert not any(TEXT in text for text in told)
    assert str(secret) == "***"


def test_a_traceback_does_not_show_it():
    """An error that carries the secret does not give it away."""
    error = ValueError(Secret(TEXT))
    assert TEXT not in "".join(traceback.format_exception_only(error))


def test_it_travels_and_stays_itself():
    """A pickled copy has the text, is equal and hashes alike."""
    copy = pickle.loads(pickle.dumps(Secret(TEXT)))  # noqa: S301 # our own
    assert copy.reveal() == TEXT
    assert copy == Secret(TEXT)
    assert hash(copy) == hash(Secret(TEXT))


def test_it_equals_no_other():
    """Another text, or the text itself, is something else."""
    assert Secret(TEXT) != Secret("other")
    assert Secret(TEXT) != TEXT


def test_an_empty_one_is_false():
    """So that a missing token is found without being looked at."""
    assert not Secret("")
