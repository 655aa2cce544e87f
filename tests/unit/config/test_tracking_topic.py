"""The two ends of the tracking topic, and that they agree."""

from __future__ import annotations

import pytest

from claimx_lib.config.load import effective, load
from claimx_lib.errors import ConfigError, KafkaError, SettingsError
from claimx_lib.operations.preflight import checked, topics_of
from claimx_lib.schemas.topics import topic_specs

BOTH = "jobs.task_tracking.field_rules.task_id={one_of: [32513, 40000]}"


def floors(**action: str) -> str:
    """A second template, with such an action for every event."""
    return f"jobs.task_trigger.triggers.40000={{name: Floors, on_any: {action}}}"


def start(*sets: str) -> None:
    """What `claimx run task_tracking` looks at, as far as no broker is needed."""
    checked(
        load(sets=[*sets, "kafka.bootstrap_servers=127.0.0.1:1", "kafka.request_timeout_seconds=1"]), ["task_tracking"]
    )


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMX_API_TOKEN", "t")


def test_one_setting_moves_both_ends() -> None:
    """`kafka.topics.tracking` alone: written there, read there, created, and shown so."""
    sets = ["kafka.topics.tracking=green.tracking"]
    settings = load(sets=sets, environ={})
    assert topics_of(settings, "task_trigger")[1] == topics_of(settings, "task_tracking")[0] == ["green.tracking"]
    names = {spec.name for spec in topic_specs(settings)}
    assert "green.tracking" in names
    assert "itel.cabinet.task.tracking" not in names
    shown = {one.path: one.value for one in effective(sets=sets, environ={})}
    assert shown["jobs.task_trigger.triggers.32513.on_any.publish_to_topic"] == "green.tracking"


def test_an_action_may_be_without_a_topic_or_with_its_own() -> None:
    """Left out and null mean the tracking topic; a name stays as it is given."""
    on_status = "{a: {}, b: {publish_to_topic: null}, c: {publish_to_topic: others}}"
    settings = load(
        sets=[BOTH, f"jobs.task_trigger.triggers.40000={{name: Floors, on_status: {on_status}}}"], environ={}
    )
    actions = settings.jobs.task_trigger.triggers[40000].on_status
    tracking = settings.kafka.topics.tracking
    assert {s: a.publish_to_topic for s, a in actions.items()} == {"a": tracking, "b": tracking, "c": "others"}


def test_a_topics_name_is_still_checked() -> None:
    """An empty name is a mistake, not a wish for the default."""
    with pytest.raises(SettingsError) as caught:
        load(sets=[BOTH, floors(publish_to_topic="")], environ={})
    assert "it is not of the form" in caught.value.problems[0]


def test_a_template_that_tracking_refuses_is_told_with_its_cure() -> None:
    """All its events would be dead letters: one line names the rule, the template and what to write."""
    with pytest.raises(ConfigError) as caught:
        start(floors())
    assert str(caught.value) == (
        "jobs.task_tracking.field_rules.task_id refuses template 40000, which jobs.task_trigger.triggers sends to "
        "itel.cabinet.task.tracking — set it to {one_of: [32513, 40000]}"
    )
    with pytest.raises(ConfigError, match="refuses template 32513, which"):
        start(floors(), 'jobs.task_tracking.field_rules.task_id={one_of: ["40000", 7]}')


@pytest.mark.parametrize(
    "sets",
    [
        (floors(), BOTH),
        (floors(), 'jobs.task_tracking.field_rules.task_id={one_of: [32513, "40000"]}'),
        (floors(), "jobs.task_tracking.field_rules.task_id={matches: '[0-9]+'}"),
        (floors(publish_to_topic="others"),),
        (floors(), "jobs.task_tracking.enabled=false"),
        (floors(), "jobs.task_trigger.enabled=false"),
        (floors(), "jobs.task_tracking.mappings.task_id=assignment_id"),
    ],
)
def test_what_does_not_meet_is_no_contradiction(sets: tuple[str, ...]) -> None:
    """A rule that takes it, a topic of its own, a job that is off, a rule about another field."""
    with pytest.raises(KafkaError):  # what is looked at next
        start(*sets)
