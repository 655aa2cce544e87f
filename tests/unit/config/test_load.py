"""Settings from files, environment and arguments."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql.types import StructType

from claimx_lib.config.jobs import COLUMNS
from claimx_lib.config.load import effective, load
from claimx_lib.errors import SettingsError
from claimx_lib.schemas.tables import TRACKING

SENTINEL = "s3cr3t-s3ntin3l"


def problems(*sets: str, environ: dict[str, str] | None = None, env: str = "local", config: Path | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load(env, config=config, sets=list(sets), environ=environ or {})
    return "\n".join(caught.value.problems)


def test_files_environment_and_arguments_go_one_over_the_other(tmp_path: Path) -> None:
    """Precedence is base < env file < --config < --set, and ${VAR} is filled in after that."""
    file = tmp_path / "mine.yaml"
    file.write_text("claimx: {timeout_seconds: 7, max_retries: 1}\nkafka: {bootstrap_servers: '${HERE}'}\n")
    settings = load(config=file, sets=["claimx.max_retries=2"], environ={"HERE": "localhost:1"})
    assert settings.claimx.timeout_seconds == 7
    assert settings.claimx.max_retries == 2
    assert settings.kafka.bootstrap_servers == "localhost:1"
    assert settings.kafka.replication_factor == 1


def test_all_wrong_settings_are_told_at_once_with_their_file() -> None:
    """An unknown key, a wrong type and a missing variable are three lines, each with file, path and cure."""
    told = problems("claimx.timeout_ms=5", "claimx.max_retries=many", env="prod")
    assert "--set: claimx.timeout_ms: there is no such setting; did you mean timeout_seconds? Mind the unit" in told
    assert "--set: claimx.max_retries = 'many': it should be a valid integer" in told
    assert "conf/prod.yaml: claimx.base_url: ${CLAIMX_API_BASE_URL} is not set" in told


def test_a_number_with_a_unit_is_told_the_unit() -> None:
    """`30s` under a key in seconds is refused with the unit that the number has."""
    assert "(seconds, without a unit)" in problems("claimx.timeout_seconds=30s")


def test_a_missing_setting_is_named_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base file without a key is refused with the key's path."""
    base = Path("conf/base.yaml").read_text("utf-8")
    (tmp_path / "base.yaml").write_text(base.replace("  max_retries: 3                  ", "  # max_retries: 3 "))
    (tmp_path / "local.yaml").write_text("env: local\n")
    monkeypatch.setenv("CLAIMX_CONF", str(tmp_path))
    assert "claimx.max_retries: missing" in problems()


@pytest.mark.parametrize(
    "path",
    [
        "claimx.token",
        "claimx.token.env",
        "kafka.sasl_password",
        "kafka.sasl_password.scope",
        "pii.erased_salt",
        "console.token",
        "claimx.tokn",
        "kafka.options.sasl.password.deep",
    ],
)
def test_no_error_shows_a_secret(path: str) -> None:
    """Whatever is wrong with a secret's setting, the value itself is in no line of the error."""
    assert SENTINEL not in problems(f"{path}={SENTINEL}", "claimx.max_retries=-1")


def test_no_error_shows_credentials_in_an_address() -> None:
    """A base URL with a user and a password is refused without showing them."""
    assert SENTINEL not in problems(f"claimx.base_url=https://me:{SENTINEL}@host/")


def test_show_tells_where_a_secret_is_and_never_the_secret() -> None:
    """The listing shows references, hides values under secret names, and cuts credentials out of addresses."""
    sets = [
        f"kafka.options={{ssl.key.password: {SENTINEL}, client.id: me}}",
        f"metrics.pushgateway_url=http://me:{SENTINEL}@gateway/",
        f"claimx.headers={{Authorization: {SENTINEL}}}",
    ]
    listed = {one.path: one for one in effective(sets=sets, environ={})}
    assert SENTINEL not in repr(listed)
    assert listed["claimx.token"].value == {"env": "CLAIMX_API_TOKEN"}
    assert listed["metrics.pushgateway_url"].value == "http://***@gateway/"
    assert listed["kafka.options.client.id"].source == "--set"
    assert listed["kafka.replication_factor"].source.endswith("local.yaml")


def test_a_fields_rule_is_replaced_whole() -> None:
    """`one_of` for a field in a higher layer takes the place of base's `equals`; other fields' rules stay."""
    rule = load(sets=["jobs.task_tracking.field_rules.task_id={one_of: [32513, 40000]}"]).jobs.task_tracking.field_rules
    assert rule["task_id"].one_of == [32513, 40000]
    assert rule["task_id"].equals is None


def test_plaintext_leaves_this_machine_only_when_allowed() -> None:
    """A broker elsewhere over PLAINTEXT is refused unless `allow_plaintext` says so."""
    for far in ("broker.example:9092", "127.0.0.1:1,localhost.evil.example:9092", "127.evil.example:1"):
        assert "which is not this machine" in problems(f"kafka.bootstrap_servers={far}")
    assert load(sets=["kafka.bootstrap_servers=127.0.0.1:1, [::1]:2,localhost:3"])
    assert load(sets=["kafka.bootstrap_servers=broker.example:9092", "kafka.allow_plaintext=true"])


def test_an_unknown_environment_is_refused_with_the_known_ones() -> None:
    """`--env` of a file that is not there names those that are."""
    assert "use one of local, prod, staging" in problems(env="nowhere")


def test_a_relative_warehouse_is_relative_to_the_process() -> None:
    """A relative path becomes absolute, a URI and a catalog's name stay."""
    assert load(sets=["storage.warehouse=data/here"]).storage.warehouse == str(Path("data/here").absolute())
    for name in ("main.claims", "s3://bucket/x", "/data/x"):
        assert load(sets=[f"storage.warehouse={name}"]).storage.warehouse == name


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=40))
def test_any_text_as_an_argument_gives_settings_or_a_line(text: str) -> None:
    """No `--set` value ends in anything but valid settings or a ConfigError."""
    told: tuple[str, ...] = ("valid",)
    try:
        load(sets=[f"claimx.timeout_seconds={text}"], environ={})
    except SettingsError as error:
        told = error.problems
    assert told


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ("jobs.task_tracking.mappings.nothing=a", "there is no such column for a field; use event_id, "),
        ("jobs.task_tracking.defaults.nothing=a", "there is no such column for a field; use event_id, "),
        ("jobs.task_tracking.path_params.assignment_id=a", "there is no such parameter; use task_id, project_id"),
        ("jobs.task_tracking.mappings.task_name=a..b", "it is not of the form"),
        ("jobs.task_tracking.mappings.task_name=Task.name", "Task and task differ in upper and lower case only"),
        ("jobs.task_tracking.mappings.task_name=task.Created_At.x", "task.Created_At and task.created_at differ in"),
        ("jobs.task_tracking.required_fields=[event_id, TASK_ID]", "TASK_ID and task_id differ in upper and lower"),
        ('jobs.task_tracking.field_rules.task_id={matches: "("}', "no regular expression: missing )"),
        ("claimx.paths.task=/tasks/{id}", "give a path that begins with / and holds {task_id}"),
        ("claimx.base_url=https://host:99999", "give http:// or https://, a host"),
        (
            "claimx.proxy_url=http://me:word@proxy:3128",
            "give http:// or https://, a host, and where needed :port; no user",
        ),
        ('claimx.headers={X-A: "a\\r\\nX-B: b"}', "'X-A' is no header"),
        ("analysis.timezone=Mars/Olympus", "give a zone's name"),
        ("pii.mask_columns=[task_name]", "it should be 'original_event', "),
        ("kafka.bootstrap_servers=broker.example:9092", "--set: kafka: PLAINTEXT to broker.example:9092"),
        ("kafka.bootstrap_servers=broker", "kafka.bootstrap_servers = 'broker': 'broker' is no broker: give host:port"),
        ("kafka.bootstrap_servers=SASL_SSL://broker:9093", "; the protocol is kafka.security_protocol alone"),
        ("kafka.bootstrap_servers=localhost:1,127.0.0.1:0", "'127.0.0.1:0' is no broker: give host:port"),
        ("claimx.base_url=http://other-host", "--set: claimx.base_url = 'http://other-host': the token would go to"),
        ("console.host=0.0.0.0", "--set: console.host = '0.0.0.0': it is open to others, and console.token is not set"),
        ("console={host: 0.0.0.0, token: {env: X}}", "console.host = '0.0.0.0': it answers under any name"),
        ("kafka.security_protocol=SASL_SSL", "--set: kafka: SASL_SSL without kafka.sasl_mechanism: set it"),
        ('kafka.options={enable.ssl.certificate.verification: "False"}', "'False' would trust any broker"),
        ('kafka.options={ssl.endpoint.identification.algorithm: ""}', "'' would trust any broker"),
        ("kafka.options={security.protocol: PLAINTEXT}", "set kafka.security_protocol"),
        ("kafka.options={bootstrap.servers: other}", "set kafka.bootstrap_servers"),
        ("jobs.task_creation.events_since=2026-11-31T00:00:00Z", "events_since = '2026-11-31T00:00:00Z': it should be"),
        ("jobs.task_creation.events_since=20260110", "events_since = 20260110: give a time with its zone, such as"),
        ("jobs.task_creation.events_since='20260110'", "events_since = '20260110': give a time with its zone, such as"),
        ("jobs.task_creation.events_since=1.7e9", "give a time with its zone, such as"),
        ("spark.driver_memory=2 GB", "spark.driver_memory = '2 GB': give a whole number and its unit, such as 2g"),
        (
            "kafka.partitions={project_sync: 12}",
            "kafka.partitions.project_sync: there is no such topic; use claimx.events,",
        ),
        ("jobs.task_trigger.triggers.3000000000={name: A, on_any: {}}", "triggers.3000000000"),
        ('jobs.task_tracking.field_rules.task_id={matches: "(?P<a>x)"}', "no regular expression that Java takes too"),
    ],
)
def test_what_would_fail_in_a_run_is_told_by_the_check(wrong: str, line: str) -> None:
    """A setting that no run could use is refused with what would do."""
    assert line in problems(wrong)


def test_nobody_looks_for_what_claimx_does_not_know() -> None:
    """`look_before_creating` needs `supports_external_reference`, unless the job is switched off; else the check tells."""
    sets = ["jobs.task_creation.look_before_creating=true", "claimx.supports_external_reference=false"]
    assert "jobs.task_creation.look_before_creating = True: this ClaimX knows no external_reference" in problems(*sets)
    assert load(sets=[*sets, "jobs.task_creation.enabled=false"], environ={})


def test_a_default_may_be_a_number() -> None:
    """YAML's 1.0 is the text that it looks like."""
    assert load(sets=["jobs.task_tracking.defaults.tracking_version=1.0"]).jobs.task_tracking.defaults == {
        "tracking_version": "1.0",
        "source": "claimx_itel_plugin",
    }


def test_fields_fill_columns_that_the_table_has() -> None:
    """What `mappings` and `defaults` may name is what the tracking table has for it."""
    scalars = [c.name for c in TRACKING.schema if not isinstance(c.dataType, StructType)]
    assert set(COLUMNS) <= set(scalars)
    assert {c.name for c in TRACKING.schema if not c.nullable} - set(COLUMNS) == {"processed_timestamp"}


@pytest.mark.parametrize(
    ("sets", "line"),
    [
        (
            ["kafka.topics.tracking=claimx.events"],
            "--set: kafka.topics.tracking: claimx.events is kafka.topics.claimx_events too",
        ),
        (
            ["jobs.task_trigger.triggers.32513.on_any.publish_to_topic=xact.events"],
            "jobs.task_trigger.triggers.32513.on_any.publish_to_topic: xact.events is kafka.topics.xact_events too",
        ),
        (
            ["kafka.topics.tracking_errors=itel.cabinet.task.tracking"],
            "kafka.topics.tracking_errors: itel.cabinet.task.tracking is kafka.topics.tracking too",
        ),
        (
            ["jobs.task_creation.dlq_topic=xact.task-creation.retry"],
            "jobs.task_creation.dlq_topic: xact.task-creation.retry is jobs.task_creation.retry_topic too",
        ),
        (
            ["kafka.topics.project_sync=claimx.events"],
            "kafka.topics.project_sync: claimx.events is kafka.topics.claimx_events too",
        ),
        (
            ["jobs.task_creation.retry_topic=itel.cabinet.task.tracking"],
            "jobs.task_creation.retry_topic: itel.cabinet.task.tracking is kafka.topics.tracking too",
        ),
    ],
)
def test_what_is_sent_never_comes_back_as_input(sets: list[str], line: str) -> None:
    """An output that is an input of ours too would feed itself without end: both settings are named, with the cure."""
    with pytest.raises(SettingsError) as caught:
        load(sets=sets, environ={})
    assert any(line in problem and "give another name" in problem for problem in caught.value.problems)


def test_topics_that_may_be_one_are_no_problem() -> None:
    """Decisions on `project.sync`, triggers on the tracking topic, successes and errors on one topic: nothing loops."""
    assert load(sets=["kafka.topics.manual_decisions=project.sync", "kafka.topics.tracking_errors=x",
                      "kafka.topics.tracking_success=x"], environ={})  # fmt: skip


def test_decisions_of_people_go_where_identity_comes_from() -> None:
    """Unless they have a topic of their own; a name that no topic can have is told once."""
    topics = load(sets=["kafka.topics.project_sync=t1.sync"], environ={}).kafka.topics
    assert (topics.project_sync, topics.manual_decisions) == ("t1.sync", "t1.sync")
    own = load(sets=["kafka.topics.project_sync=t1.sync", "kafka.topics.manual_decisions=d"], environ={}).kafka.topics
    assert (own.project_sync, own.manual_decisions) == ("t1.sync", "d")
    with pytest.raises(SettingsError) as caught:
        load(sets=["kafka.topics.project_sync=a b"], environ={})
    assert len(caught.value.problems) == 1


def test_a_date_in_a_file_is_read_by_its_setting(tmp_path: Path) -> None:
    """One that no calendar has is a wrong setting, named by file and path; one that is there holds."""
    file = tmp_path / "own.yaml"
    file.write_text("jobs: {task_creation: {events_since: 2026-02-30T00:00:00Z}}")
    with pytest.raises(SettingsError, match=r"own\.yaml: jobs\.task_creation\.events_since = '2026-02-30T00:00:00Z'"):
        load(config=file, environ={})
    file.write_text("jobs: {task_creation: {events_since: 2026-02-28T00:00:00Z}}")
    since = load(config=file, environ={}).jobs.task_creation.events_since
    assert since == datetime(2026, 2, 28, tzinfo=UTC)
