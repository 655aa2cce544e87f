"""Which events are ours, for every kind of input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claimx_lib.config.load import load
from claimx_lib.transforms.trigger import candidates, judged
from tests.fakes.bad_input import ID, spoilt
from tests.fakes.session import ENVIRONMENT
from tests.fakes.world import event, records

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JOB = load(environ=ENVIRONMENT).jobs.task_trigger


def test_every_bad_input_has_one_outcome(spark: SparkSession) -> None:
    """Nothing crashes: what mentions the template is published, not ours, or a dead letter; what does not is left."""
    given = spoilt(event)
    frame = candidates(records(spark, list(given.values())), JOB.triggers)
    rows = judged(frame, JOB, max_message_bytes=1_000_000).select("offset", "outcome").collect()
    names = list(given)
    found = {names[row.offset]: row.outcome for row in rows}
    assert {name for name, raw in given.items() if raw is not None and ID in raw} == set(found)
    assert {found[name] for name in names[:19] if name in found} == {"undecodable"}
    for name in names[19:]:
        raw = given[name]
        assert raw is not None
        if name in {"task null", "task text", "task array", "task empty", "wrong case"}:
            assert found.get(name, "not_ours") == "not_ours", name
        else:
            assert found[name] == "published", name
