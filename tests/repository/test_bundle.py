"""The Databricks bundle: right as it is, and each mistake of a list is found and named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from claimx_lib.config.load import load
from tests.readers.bundle import filled, read, values_of
from tests.repository.bundle_check import main

ROOT = Path(__file__).resolve().parents[2]
STREAMS = "conf/bundle/streams.yml"
TOP = "databricks.yml"
UPKEEP = "conf/bundle/upkeep.yml"
JOBS = ("task_trigger", "task_tracking", "mapping_sync", "task_creation")


def test_bundle_has_no_mistake(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The bundle as it is passes, in a copy that has no checkout around it."""
    assert main([str(copy)]) == 0
    assert capsys.readouterr().out == "bundle-check: dev, staging, prod, prod_green: nothing wrong\n"


def _replaced(file: str, old: str, new: str) -> Callable[[Path], None]:
    def mutate(root: Path) -> None:
        text = (root / file).read_text()
        assert old in text, f"{file} no longer holds {old}"
        (root / file).write_text(text.replace(old, new, 1))

    return mutate


def _after(mark: str, old: str, new: str) -> Callable[[Path], None]:
    """As above, in `databricks.yml` behind the mark."""

    def mutate(root: Path) -> None:
        before, found, rest = (root / TOP).read_text().partition(mark)
        assert found, f"{TOP} no longer holds {mark}"
        assert old in rest, f"{TOP} no longer holds {old}"
        (root / TOP).write_text(before + mark + rest.replace(old, new, 1))

    return mutate


MISTAKES = {
    "typo in a field": (
        _replaced(STREAMS, "max_concurrent_runs:", "max_concurent_runs:"),
        f"{STREAMS}: resources.jobs.streams.max_concurent_runs: Job has no such field",
    ),
    "typo in a deep field": (
        _replaced(STREAMS, "package_name:", "packge_name:"),
        f"{STREAMS}: resources.jobs.streams.tasks[0].python_wheel_task.packge_name: PythonWheelTask has no such field",
    ),
    "typo behind a variable": (
        _replaced(TOP, "num_workers: 0", "num_wokers: 0"),
        f"{TOP}: variables.cluster.default.num_wokers: ClusterSpec has no such field",
    ),
    "value that an enumeration lacks": (
        _replaced(STREAMS, "task_retry_mode: ON_FAILURE", "task_retry_mode: ALWAYS"),
        f"{STREAMS}: resources.jobs.streams.continuous.task_retry_mode: 'ALWAYS' is none of NEVER, ON_FAILURE",
    ),
    "text where a number belongs": (
        _replaced(STREAMS, "value: 600", "value: ten minutes"),
        f"{STREAMS}: resources.jobs.streams.health.rules[0].value: 'ten minutes' is no int",
    ),
    "field left out": (
        _replaced("conf/bundle/storage.yml", "      catalog_name: ${var.catalog}\n      name:", "      name:"),
        "conf/bundle/storage.yml: resources.schemas.claimx.catalog_name: Schema needs this field",
    ),
    "variable that nobody declares": (
        _replaced(STREAMS, "${var.settings}", "${var.setings}"),
        f"{STREAMS}: resources.jobs.streams.tasks[0].python_wheel_task.parameters[3]: there is no variable setings",
    ),
    "variable without a value in a target": (
        _replaced(TOP, "      catalog: staging\n", ""),
        f"{TOP}: targets.staging.variables.catalog: the variable has no value in this target",
    ),
    "value for a variable that is not there": (
        _replaced(TOP, "      catalog: staging\n", "      catalog: staging\n      catalogue: staging\n"),
        f"{TOP}: targets.staging.variables.catalogue: there is no such variable",
    ),
    "variable that nothing uses": (
        _replaced(TOP, "variables:\n", "variables:\n  spare: {default: 1}\n"),
        f"{TOP}: variables.spare: nothing uses it",
    ),
    "resource that is not there": (
        _replaced("conf/bundle/storage.yml", "resources.schemas.claimx", "resources.schemas.claims"),
        "conf/bundle/storage.yml: resources.volumes.checkpoints.schema_name: there is no resources.schemas.claims.name",
    ),
    "absent notebook": (
        _replaced(
            UPKEEP,
            "          python_wheel_task:\n            package_name: claimx_pipeline\n            entry_point: maintenance",
            "          notebook_task:\n            notebook_path: ../../notebooks/nowhere.ipynb\n          python_wheel_task:\n"
            "            package_name: claimx_pipeline\n            entry_point: maintenance",
        ),
        f"{UPKEEP}: resources.jobs.maintenance.tasks[0].notebook_task.notebook_path: ../../notebooks/nowhere.ipynb is not there",
    ),
    "wrong entry point": (
        _replaced(STREAMS, "entry_point: task_tracking", "entry_point: task_traking"),
        f"{STREAMS}: resources.jobs.task_tracking.tasks[0].python_wheel_task.entry_point: task_traking is no entry point in pyproject.toml [claimx.tasks]",
    ),
    "wrong package": (
        _replaced(STREAMS, "package_name: claimx_pipeline", "package_name: claimx"),
        f"{STREAMS}: resources.jobs.streams.tasks[0].python_wheel_task.package_name: claimx is not the wheel's name, claimx_pipeline",
    ),
    "settings file that is not there": (
        _replaced(TOP, "settings: prod", "settings: production"),
        f"{STREAMS}: resources.jobs.streams.tasks[0].python_wheel_task.parameters[3]: there is no conf/production.yaml",
    ),
    "cluster that is not there": (
        _replaced(STREAMS, "          job_cluster_key: single\n", "          job_cluster_key: big\n"),
        f"{STREAMS}: resources.jobs.streams.tasks[0].job_cluster_key: this job has no cluster big",
    ),
    "task that is not there": (
        _replaced(UPKEEP, "depends_on: [{task_key: tables_create}]", "depends_on: [{task_key: create}]"),
        f"{UPKEEP}: resources.jobs.setup.tasks[1].depends_on: this job has no task create",
    ),
    "wheel that nobody builds": (
        _replaced(STREAMS, "../../dist/*.whl", "../dist/*.whl"),
        f"{STREAMS}: resources.jobs.streams.tasks[0].libraries[0].whl: ../dist/*.whl is not where `make build` puts the wheel",
    ),
    "include that matches nothing": (
        _replaced(TOP, "conf/bundle/*.yml", "conf/bundles/*.yml"),
        f"{TOP}: include: conf/bundles/*.yml matches no file",
    ),
    "prod without run_as": (
        _after("  prod:\n", "    run_as:\n      service_principal_name: ${var.service_principal}\n", ""),
        f"{TOP}: targets.prod.run_as: production runs as a service principal, not as who deploys",
    ),
    "prod that runs as a person": (
        _after("  prod:\n", "service_principal_name: ${var.service_principal}", "user_name: ann@example.com"),
        f"{TOP}: targets.prod.run_as: production runs as a service principal, not as who deploys",
    ),
    "staging without run_as": (
        _replaced(TOP, "    run_as:\n      service_principal_name: ${var.service_principal}\n", ""),
        f"{TOP}: targets.staging.run_as: production runs as a service principal, not as who deploys",
    ),
    "target without a place": (
        _replaced(
            TOP,
            "    workspace:\n      root_path: /Workspace/Users/${workspace",
            "    workspace:\n      file_path: /Workspace/Users/${workspace",
        ),
        f"{TOP}: targets.dev.workspace.root_path: a target has to say where it is deployed",
    ),
    "another runtime": (
        _replaced(TOP, "default: 17.3.x-scala2.13", "default: 16.4.x-scala2.12"),
        f"{TOP}: variables.cluster.default.spark_version: 16.4.x-scala2.12 is not the tested runtime 17.3.x",
    ),
    "shared cluster": (
        _replaced(TOP, "data_security_mode: SINGLE_USER", "data_security_mode: USER_ISOLATION"),
        f"{TOP}: variables.cluster.default.data_security_mode: the streams need a dedicated cluster (SINGLE_USER)",
    ),
    "both layouts at once": (
        _replaced(TOP, "default: PAUSED", "default: UNPAUSED"),
        f"{TOP}: targets.dev: together and apart: exactly one has to be UNPAUSED",
    ),
    "failure that nobody hears of": (
        _replaced(UPKEEP, '        on_failure: ["${var.alert_email}"]\n', ""),
        f"{UPKEEP}: resources.jobs.setup.email_notifications.on_failure: nobody is told when this job fails",
    ),
    "key given twice": (
        _replaced(STREAMS, "    streams:\n", "    streams:\n      name: twice\n"),
        f"{STREAMS}: line 8: name stands there twice",
    ),
    "broken YAML": (_replaced(STREAMS, "    streams:\n", "    streams: [\n"), f"{STREAMS}: line "),
}


@pytest.mark.parametrize(("mutate", "line"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_named(
    copy: Path, capsys: pytest.CaptureFixture[str], mutate: Callable[[Path], None], line: str
) -> None:
    """The check ends with 1 and one line that names the file and the field of the mistake."""
    mutate(copy)

    assert main([str(copy)]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith(f"bundle-check: {line}")


@pytest.mark.parametrize("target", ["dev", "staging", "prod", "prod_green"])
def test_settings_of_each_task_are_valid(target: str) -> None:
    """With the environment and the arguments that a target gives, every job's settings load without a mistake."""
    bundle = read(ROOT)
    values = values_of(bundle, target)
    tasks = [t for r in bundle.resources if r.kind == "jobs" for t in filled(r.values["tasks"], values)]
    environ = filled(values["var.cluster"], values)["spark_env_vars"]

    for task in (task for task in tasks if "python_wheel_task" in task):
        words = task["python_wheel_task"]["parameters"]
        given = dict(enumerate(words))
        sets = [given[i + 1] for i, word in given.items() if word == "--set"]
        settings = load(words[words.index("--env") + 1], sets=sets, environ=environ)
        assert settings.kafka.security_protocol == "SASL_SSL"
        assert settings.pii.mask_messages
        assert settings.storage.warehouse == f"{values['var.catalog']}.{filled(values['var.schema'], values)}"


def test_each_stream_is_a_job_of_its_own_name() -> None:
    """The thread of names holds in the bundle: resource, task and entry point are called as the job is."""
    jobs = {r.key: r.values for r in read(ROOT).resources if r.kind == "jobs"}

    for name in (*JOBS, "maintenance"):
        (task,) = jobs[name]["tasks"]
        assert (task["task_key"], task["python_wheel_task"]["entry_point"]) == (name, name)
    assert all(jobs[name]["continuous"]["pause_status"] == "${var.apart}" for name in JOBS)
    assert jobs["streams"]["continuous"]["pause_status"] == "${var.together}"


def test_each_notebook_is_a_task_on_the_tables_of_its_target() -> None:
    """Every notebook of the repository is deployed as a task of `analysis`, with plotly as it is locked and the target's settings."""
    bundle = read(ROOT)
    (analysis,) = (r.values for r in bundle.resources if r.key == "analysis")

    paths = {t["task_key"]: t["notebook_task"]["notebook_path"] for t in analysis["tasks"]}
    assert paths == {path.stem: f"../../notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    locked = (ROOT / "requirements.lock").read_text()
    for task in analysis["tasks"]:
        (package,) = (library["pypi"]["package"] for library in task["libraries"] if "pypi" in library)
        assert f"\n{package} " in locked
    environ = filled("${var.cluster}", values_of(bundle, "prod"))["spark_env_vars"]
    assert (environ["CLAIMX_ENV"], environ["CLAIMX_WAREHOUSE"]) == ("prod", "prod.claimx")


@pytest.mark.parametrize("target", ["staging", "prod", "prod_green"])
def test_operators_may_start_and_stop_runs(target: str) -> None:
    """The group of the operators has a level with which runs can be started and cancelled, in every target that has one."""
    bundle = read(ROOT)
    granted = filled(bundle.targets[target]["permissions"], values_of(bundle, target))
    (level,) = (one["level"] for one in granted if one.get("group_name") == "claimx-operators")
    assert level in {"CAN_RUN", "CAN_MANAGE"}  # on a job CAN_RUN is CAN_MANAGE_RUN; CAN_VIEW starts nothing


def test_secrets_are_read_by_who_runs_the_jobs() -> None:
    """The scope is opened to the target's service principal, and in dev, which runs as its user, to that user."""
    bundle = read(ROOT)
    (scope,) = (resource for resource in bundle.resources if resource.kind == "secret_scopes")
    readers = {target: filled(scope.values["permissions"], values_of(bundle, target)) for target in bundle.targets}
    assert readers.pop("dev") == [{"level": "MANAGE", "user_name": "userName"}]
    for target, granted in readers.items():
        principal = bundle.targets[target]["variables"]["service_principal"]
        assert granted == [{"level": "READ", "service_principal_name": principal}]


def test_tables_and_checkpoints_are_written_by_who_runs_the_jobs() -> None:
    """The service principal of each target may create, read and change tables and write checkpoints, the operators only read tables."""
    bundle = read(ROOT)
    (schema, volume) = (next(r for r in bundle.resources if r.kind == kind) for kind in ("schemas", "volumes"))
    for target in ("staging", "prod", "prod_green"):
        values = values_of(bundle, target)
        tables, files = (
            {g["principal"]: set(g["privileges"]) for g in filled(r.values["grants"], values)} for r in (schema, volume)
        )
        principal = bundle.targets[target]["variables"]["service_principal"]
        assert tables == {
            "claimx-operators": {"USE_SCHEMA", "SELECT"},
            principal: {"USE_SCHEMA", "CREATE_TABLE", "SELECT", "MODIFY"},
        }
        assert files == {principal: {"READ_VOLUME", "WRITE_VOLUME"}}
    assert filled(volume.values["grants"], values_of(bundle, "dev")) == []


def test_no_target_accepts_a_loss() -> None:
    """A gap in a topic stops every stream, unless one deployment's `--var accept_data_loss=true` says otherwise."""
    bundle = read(ROOT)
    for job in (r.values for r in bundle.resources if r.kind == "jobs" and r.key in {*JOBS, "streams"}):
        words = job["tasks"][0]["python_wheel_task"]["parameters"]
        assert words[-2:] == ["--set", "kafka.accept_data_loss=${var.accept_data_loss}"]
    accepted = {target: values_of(bundle, target)["var.accept_data_loss"] for target in bundle.targets}
    assert set(accepted.values()) == {"false"}


def test_only_production_creates_tasks() -> None:
    """ClaimX tasks are made by the target prod alone."""
    bundle = read(ROOT)

    modes = {target: values_of(bundle, target)["var.creation_mode"] for target in bundle.targets}
    assert modes == {"dev": "shadow", "staging": "shadow", "prod": "live", "prod_green": "shadow"}
