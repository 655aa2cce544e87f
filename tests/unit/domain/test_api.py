"""What each answer means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.domain.api import (
    IN_DOUBT,
    PERMANENT,
    TRANSIENT,
    ApiAnswer,
    ApiOutcome,
    ProjectSearch,
    TaskSearch,
    is_in_doubt,
    outcome_of,
)


@given(st.integers(100, 599))
def test_every_status_has_an_outcome(status):
    """No status is left without a meaning, and only 2xx is OK."""
    assert (outcome_of(status) is ApiOutcome.OK) == (200 <= status < 300)


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 599])
def test_what_passes_by_itself_is_asked_again_and_leaves_a_post_in_doubt(status):
    """A request that came too slowly or too early is no refusal: a read is tried again, a create is looked up."""
    answer = ApiAnswer(kind=outcome_of(status), status=status)
    assert (answer.is_transient, answer.is_permanent, is_in_doubt(answer)) == (True, False, True)


def test_transient_permanent_and_the_rest_do_not_overlap():
    """An outcome is asked again, given up, or has a meaning of its own."""
    assert not TRANSIENT & PERMANENT
    own = {
        ApiOutcome.OK,
        ApiOutcome.NOT_FOUND,
        ApiOutcome.UNAUTHORIZED,
        ApiOutcome.CIRCUIT_OPEN,
        ApiOutcome.OUT_OF_TIME,
    }
    assert TRANSIENT | PERMANENT | own == set(ApiOutcome)


@pytest.mark.parametrize("kind", [ApiOutcome.RATE_LIMITED, ApiOutcome.NOT_SENT])
def test_what_was_not_sent_is_not_in_doubt(kind):
    """429, refused connections and DNS: nothing was carried out."""
    assert not is_in_doubt(ApiAnswer(kind=kind))


def test_all_other_transient_outcomes_are_in_doubt():
    """Timeout after sending, reset, 5xx, and a broken body; no POST ends in an odd one, which is a look-up's."""
    assert TRANSIENT - {ApiOutcome.RATE_LIMITED, ApiOutcome.NOT_SENT, ApiOutcome.ODD_BODY} == IN_DOUBT


@pytest.mark.parametrize("kind", sorted(set(ApiOutcome) - {ApiOutcome.OK, ApiOutcome.NOT_FOUND}))
def test_no_failure_passes_for_none(kind):
    """Only an honest answer says that there is nothing."""
    assert not ProjectSearch(answer=ApiAnswer(kind=kind)).is_none
    assert not TaskSearch(answer=ApiAnswer(kind=kind)).is_none
