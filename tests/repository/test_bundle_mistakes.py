"""Mistakes in the bundle that its typed classes know nothing of: each is found offline, and named by file and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.readers.quartz import mistake_of
from tests.repository.bundle_check import main

ANALYSIS, STORAGE = "conf/bundle/analysis.yml", "conf/bundle/storage.yml"
STREAMS, UPKEEP, TOP = "conf/bundle/streams.yml", "conf/bundle/upkeep.yml", "databricks.yml"
VARIABLES = f"{TOP}: variables.cluster.default.spark_env_vars"
PRODS = f"{TOP}: targets.prod_green"
FIRST = f"{STREAMS}: resources.jobs.streams.tasks[0]"
WORDS = f"{FIRST}.python_wheel_task.parameters: in "

# fmt: off
MISTAKES = {
    # what stands in databricks.yml
    "typo in the bundle's own section": (TOP, "  name: claimx", "  nam: claimx", f"{TOP}: bundle.nam: Named has no such field"),
    "typo in a target": (TOP, "    mode: prod", "    mod: prod", f"{TOP}: targets.staging.mod: Target has no such field"),
    "mode that is none": (TOP, "mode: production", "mode: prodution", f"{TOP}: targets.staging.mode: 'prodution' is none of"),
    "target without anything": (TOP, "targets:\n", "targets:\n  qa:\n", f"{TOP}: targets.qa: None is no Target"),
    "typo in run_as": (TOP, "    run_as:\n      service_principal_", "    run_as:\n      service_principle_", f"{TOP}: targets.staging.run_as.service_principle_name: RunAs has no"),
    "schema with another name in dev": (TOP, "for_schema: true", "for_schema: false", f"{TOP}: experimental.skip_name_prefix_for_schema: true is missing"),
    "level that is none": (TOP, "level: CAN_MANAGE", "level: CAN_MANGE", f"{TOP}: targets.staging.permissions[1].level: 'CAN_MANGE' is none of"),
    "typo in the presets": (TOP, "      tags:", "      tag:", f"{TOP}: targets.dev.presets.tag: Presets has no such field"),
    "artifact of no kind": (TOP, "type: whl", "type: wheel", f"{TOP}: artifacts.claimx_pipeline.type: 'wheel' is none of whl, jar"),
    "artifact that is not there": (TOP, "path: .", "path: src", f"{TOP}: artifacts.claimx_pipeline.path: src holds no pyproject.toml"),
    "include that is no list": (TOP, "include:\n  - conf", "include: conf", f"{TOP}: include: 'conf/bundle/*.yml' is no list"),
    "file that no pattern matches": (TOP, "conf/bundle/*.yml", "conf/bundle/s*.yml", f"{TOP}: include: no pattern matches conf/bundle/analysis.yml"),
    "variable that is a text": (TOP, "variables:\n", "variables:\n  a: b\n", f"{TOP}: variables.a: 'b' is no BundleVariable"),
    "variable that is null": (TOP, "catalog: prod", "catalog:", f"{TOP}: targets.prod.variables.catalog: the variable has no value"),
    "nobody to run as": (TOP, "      service_principal: 22222222-2222-2222-2222-222222222222\n", "", f"{TOP}: targets.prod.run_as.service_principal_name: 00000000-"),
    "two targets in one place": (TOP, "&prod_workspace\n      root_path: /W", "&prod_workspace\n      root_path: /all #", f"{PRODS}.workspace.root_path: /all is the target prod's"),
    "two targets in one schema": (TOP, "schema: claimx_green", "schema: claimx", f"{PRODS}.variables.schema: prod.claimx is the target prod's"),
    "two targets at one gateway": (TOP, "pushgateway-green", "pushgateway", f"{PRODS}.variables.pushgateway_url: http://pushgateway.example.com:9091 is the target prod's"),
    "secrets for nobody": (TOP, '      secret_readers: [{level: MANAGE, user_name: "${workspace.current_user.userName}"}]', "     ", f"{TOP}: variables.secret_readers.default[0].service_principal_name: in dev: 00000000-"),
    "tables for nobody": (TOP, '      schema_grants: [{principal: "${var.operators}", privileges: [USE_SCHEMA, SELECT]}]', "     ", f"{TOP}: variables.schema_grants.default[1].principal: in dev: 00000000-"),
    "checkpoints for nobody": (TOP, "      volume_grants: []\n", "", f"{TOP}: variables.volume_grants.default[0].principal: in dev: 00000000-"),
    "right that is none": (TOP, "CREATE_TABLE, SELECT", "CREATE_TABLES, SELECT", f"{TOP}: variables.schema_grants.default[1].privileges[1]: 'CREATE_TABLES' is none of"),
    # what stands in the resources
    "resource that is a list": (STORAGE, "    checkpoints:", "    more: []\n    checkpoints:", f"{STORAGE}: resources.volumes.more: [] is no mapping"),
    "kind of resource that is none": (STORAGE, "  volumes:", "  volume:", f"{STORAGE}: resources.volume: no kind of resource"),
    "resource given twice": (STORAGE, "  volumes:", "  jobs: {streams: {}}\n  volumes:", f"{STREAMS}: resources.jobs.streams: it stands in {STORAGE} too"),
    "field of a resource that is none": (STORAGE, "claimx.name}", "claimx.nam}", f"{STORAGE}: resources.volumes.checkpoints.schema_name: there is no resources.schemas.claimx.nam"),
    "checkpoints outside the volume": (TOP, "/checkpoints/$", "/checkpoint/$", f"{VARIABLES}.CLAIMX_CHECKPOINTS: /Volumes/dev/claimx_short_name/checkpoint/v1 is in no volume"),
    "secrets of another scope": (TOP, "CLAIMX_SECRET_SCOPE: ${var.secret_scope}", "CLAIMX_SECRET_SCOPE: claimx", f"{VARIABLES}.CLAIMX_SECRET_SCOPE: claimx is no secret scope of the bundle"),
    "tables in another schema": (TOP, "CLAIMX_WAREHOUSE: ${var.catalog}.${var.schema}", "CLAIMX_WAREHOUSE: ${var.catalog}.${bundle.target}", f"{VARIABLES}.CLAIMX_WAREHOUSE: dev.dev is no schema of the bundle"),
    "reference without its braces": (STREAMS, '["${var.alert_email}"]', '["$var.alert_email"]', f"{STREAMS}: resources.jobs.streams.email_notifications.on_failure[0]: '$var.alert_email' holds half a reference"),
    "reference that is not closed": (STREAMS, "${bundle.target}", "${bundle.target", f"{STREAMS}: resources.jobs.streams.name: 'claimx-streams-${{bundle.target' holds half a reference"),
    # what a workspace would refuse
    "two runs of a stream at once": (STREAMS, "max_concurrent_runs: 1 ", "max_concurrent_runs: 2 ", f"{STREAMS}: resources.jobs.streams.max_concurrent_runs: two runs of a stream"),
    "cron of five fields": (TOP, "0 30 2 * * ?", "30 2 * * ?", f"{UPKEEP}: resources.jobs.maintenance.schedule.quartz_cron_expression: '30 2 * * ?' has 5 fields"),
    "time zone that is none": (UPKEEP, "timezone_id: UTC", "timezone_id: Utopia", f"{UPKEEP}: resources.jobs.maintenance.schedule.timezone_id: there is no time zone Utopia"),
    "two ways to start": (UPKEEP, "      schedule:", "      continuous: {pause_status: PAUSED}\n      schedule:", f"{UPKEEP}: resources.jobs.maintenance.schedule: a job starts in one way"),
    "job without a task": (ANALYSIS, "      tasks:", "      tasks: []\n      tags: {}\n      parameters:", f"{ANALYSIS}: resources.jobs.analysis.parameters[0]"),
    "task key given twice": (UPKEEP, "key: tables_migrate", "key: tables_create", f"{UPKEEP}: resources.jobs.setup.tasks[1].task_key: tables_create is another task's"),
    "tasks that wait for one another": (UPKEEP, "- task_key: tables_create\n", "- task_key: tables_create\n          depends_on: [{task_key: doctor}]\n", f"{UPKEEP}: resources.jobs.setup.tasks: they wait for one another"),
    "task that does nothing": (ANALYSIS, "          notebook_task: {notebook_path: ../../notebooks/data_quality.ipynb}\n", "", f"{ANALYSIS}: resources.jobs.analysis.tasks[2]: a task does one thing, this one has none"),
    "notebook without its suffix": (ANALYSIS, "data_quality.ipynb", "data_quality", f"{ANALYSIS}: resources.jobs.analysis.tasks[2].notebook_task.notebook_path: ../../notebooks/data_quality is not there"),
    "wheel of another name": (STREAMS, "dist/*.whl", "dist/claimx-*.whl", f"{FIRST}.libraries[0].whl: ../../dist/claimx-*.whl is not where"),
    "single node without a local master": (TOP, "spark.master:", "spark.mastr:", f"{TOP}: variables.cluster.default.spark_conf: no workers and no spark.master"),
    # what a task could not start with
    "typo in an environment variable": (TOP, "CLAIMX_WAREHOUSE:", "CLAIMX_WAREHOUS:", f"{VARIABLES}.CLAIMX_WAREHOUS: in dev: nothing reads this variable; did you mean CLAIMX_WAREHOUSE?"),
    "environment variable left out": (TOP, "        CLAIMX_WAREHOUSE: ${var.catalog}.${var.schema}\n", "", f"{VARIABLES}.CLAIMX_WAREHOUSE: in dev: conf/staging.yaml: storage.warehouse: ${{CLAIMX_WAREHOUSE}} is not set"),
    "command that is none": (STREAMS, '"run", "all"', '"rum", "all"', f"{WORDS}dev: No such command 'rum'"),
    "job that is none": (STREAMS, '"run", "all"', '"run", "al"', f"{WORDS}dev: there is no job al"),
    "option that is none": (STREAMS, '"--env"', '"--enf"', f"{WORDS}dev: No such option: --enf"),
    "setting that is none": (STREAMS, "task_creation.mode", "task_creation.mod", f"{WORDS}dev: --set: jobs.task_creation.mod: there is no such setting; did you mean mode?"),
    "value that a setting cannot have": (TOP, "creation_mode: live", "creation_mode: alive", f"{WORDS}prod: --set: jobs.task_creation.mode = 'alive'"),
    "loss neither accepted nor refused": (TOP, 'default: "false"', "default: perhaps", f"{WORDS}dev: --set: kafka.accept_data_loss = 'perhaps'"),
    "moment that is none": (TOP, '"2026-12-01T00:00:00Z"', '"soon"', f"{WORDS}prod: --set: jobs.task_creation.events_since = 'soon'"),
    "typo in a settings file": ("conf/prod.yaml", "trigger_seconds: 10", "trigger_second: 10", "conf/prod.yaml: jobs.task_trigger.trigger_second: there is no such setting"),
    "value that a settings file cannot have": ("conf/prod.yaml", "replication_factor: 3", "replication_factor: three", "conf/prod.yaml: kafka.replication_factor = 'three': "),
    "settings file that is no YAML": ("conf/prod.yaml", "kafka:", "kafka: [", "conf/prod.yaml line "),
    "token in clear text": (TOP, "https://claimx.example.com", "http://claimx.example.com", f"{VARIABLES}.CLAIMX_API_BASE_URL: in prod: conf/prod.yaml: claimx.base_url = 'http://claimx.example.com': the token would go"),
}
# fmt: on


@pytest.mark.parametrize(("file", "old", "new", "line"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_named(
    copy: Path, capsys: pytest.CaptureFixture[str], file: str, old: str, new: str, line: str
) -> None:
    """The check ends with 1 and one line that names the file and the field of the mistake."""
    text = (copy / file).read_text()
    assert old in text, f"{file} no longer holds {old}"
    (copy / file).write_text(text.replace(old, new, 1))

    assert main([str(copy)]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith(f"bundle-check: {line}")


@pytest.mark.parametrize("right", ["0 30 2 * * ?", "0 0/15 8-18 ? * MON-FRI", "0 0 5 L * ? 2027", "0 0 5,17 ? * 2#1"])
def test_cron_expression_is_right(right: str) -> None:
    """What Quartz takes is no mistake."""
    assert mistake_of(right) is None


@pytest.mark.parametrize(
    "wrong", ["", "* * * * *", "0 60 2 * * ?", "0 0 24 * * ?", "0 0 2 ? * ?", "0 0 2 * * *", "0 0 2 ? * MOO"]
)
def test_cron_expression_is_wrong(wrong: str) -> None:
    """Fields too few, values out of range, and a day that is told twice or not at all are mistakes."""
    assert mistake_of(wrong) is not None
