"""What this product asks of a job of the bundle: each mistake with the field that it is in."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from tests.readers.bundle import Resource
from tests.readers.quartz import mistake_of

RUNTIME = "17.3."
STARTS = ("continuous", "schedule", "trigger")
Found = Iterator[tuple[str, str]]


def job_mistakes(root: Path, resource: Resource, job: dict[str, Any]) -> Found:
    """Field and mistake of what a workspace would refuse, or this product does not stand."""
    if not (job.get("email_notifications") or {}).get("on_failure"):
        yield "email_notifications.on_failure", "nobody is told when this job fails"
    if job.get("environments"):
        yield "environments", "serverless compute reaches neither Kafka nor ClaimX"
    yield from _starts(job)
    clusters = [cluster["job_cluster_key"] for cluster in job.get("job_clusters") or []]
    for number, cluster in enumerate(job.get("job_clusters") or []):
        yield from _cluster(cluster["new_cluster"], f"job_clusters[{number}].new_cluster")
    if not job.get("tasks"):
        yield "tasks", "a job without a task does nothing"
    for number, task in enumerate(job.get("tasks") or []):
        where = f"tasks[{number}]"
        if task.get("job_cluster_key") not in clusters:
            yield f"{where}.job_cluster_key", f"this job has no cluster {task.get('job_cluster_key')}"
        yield from _code(root, resource, task, where)
    yield from _order(job.get("tasks") or [])


def _starts(job: dict[str, Any]) -> Found:
    starts = [name for name in STARTS if name in job]
    if len(starts) > 1:
        yield starts[1], f"a job starts in one way, this one has {starts[0]} too"
    if "continuous" in job and job.get("max_concurrent_runs", 1) != 1:
        yield "max_concurrent_runs", "two runs of a stream would write to one checkpoint"
    if schedule := job.get("schedule"):
        if what := mistake_of(schedule["quartz_cron_expression"]):
            yield "schedule.quartz_cron_expression", what
        if schedule["timezone_id"] not in available_timezones():
            yield "schedule.timezone_id", f"there is no time zone {schedule['timezone_id']}"


def _order(tasks: list[dict[str, Any]]) -> Found:
    needs: dict[str, list[str]] = {}
    for number, task in enumerate(tasks):
        if task["task_key"] in needs:
            yield f"tasks[{number}].task_key", f"{task['task_key']} is another task's key"
        needs[task["task_key"]] = [need["task_key"] for need in task.get("depends_on") or []]
    for number, task in enumerate(tasks):
        for need in needs[task["task_key"]]:
            if need not in needs:
                yield f"tasks[{number}].depends_on", f"this job has no task {need}"
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        yield "tasks", f"they wait for one another: {' → '.join(error.args[1])}"


def _cluster(cluster: dict[str, Any], where: str) -> Found:
    if not str(cluster.get("spark_version", "")).startswith(RUNTIME):
        yield f"{where}.spark_version", f"{cluster.get('spark_version')} is not the tested runtime {RUNTIME}x"
    if cluster.get("data_security_mode") != "SINGLE_USER":
        yield f"{where}.data_security_mode", "the streams need a dedicated cluster (SINGLE_USER)"
    if cluster.get("num_workers") == 0:
        conf = cluster.get("spark_conf") or {}
        if conf.get("spark.databricks.cluster.profile") != "singleNode":
            yield f"{where}.spark_conf", "no workers and no profile singleNode: no task would ever run"
        if not str(conf.get("spark.master")).startswith("local["):
            yield f"{where}.spark_conf", "no workers and no spark.master of local[…]: no task would ever run"


def _code(root: Path, resource: Resource, task: dict[str, Any], where: str) -> Found:
    beside = (root / resource.file).parent
    if wheel := task.get("python_wheel_task"):
        yield from _wheel(root, wheel, f"{where}.python_wheel_task")
    for kind, name in (("notebook_task", "notebook_path"), ("spark_python_task", "python_file")):
        if kind in task and not (beside / task[kind][name]).is_file():
            yield f"{where}.{kind}.{name}", f"{task[kind][name]} is not there"
    if not task.get("libraries"):
        yield f"{where}.libraries", "without the wheel nothing of this package can be imported"
    for number, library in enumerate(task.get("libraries") or []):
        path = library.get("whl")
        if path and not _is_built(root, (beside / path).resolve()):
            yield f"{where}.libraries[{number}].whl", f"{path} is not where `make build` puts the wheel"
    kinds = [name for name in task if name.endswith("_task")]
    if len(kinds) != 1:
        yield where, f"a task does one thing, this one has {' and '.join(kinds) or 'none'}"


def _is_built(root: Path, path: Path) -> bool:
    name, version = _project(root)["name"], _project(root)["version"]
    wheel = f"{_module(name)}-{version}-py3-none-any.whl"
    return path.parent == (root / "dist").resolve() and fnmatch(wheel, path.name)


def _wheel(root: Path, wheel: dict[str, Any], where: str) -> Found:
    project = _project(root)
    package = _module(project["name"])
    if wheel["package_name"] != package:
        yield f"{where}.package_name", f"{wheel['package_name']} is not the wheel's name, {package}"
    if wheel["entry_point"] not in project["entry-points"]["claimx.tasks"]:
        yield f"{where}.entry_point", f"{wheel['entry_point']} is no entry point in pyproject.toml [claimx.tasks]"
    for number, (flag, value) in enumerate(pairwise(wheel.get("parameters") or [])):
        if flag == "--env" and not (root / "conf" / f"{value}.yaml").is_file():
            yield f"{where}.parameters[{number + 1}]", f"there is no conf/{value}.yaml"


def _project(root: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return project


def _module(name: str) -> str:
    return re.sub(r"[-.]+", "_", name)
