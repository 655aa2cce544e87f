"""`make bundle-check`: the Databricks bundle, offline; a mistake ends it with 1 and one line that names file and field.

What the command line would say only at a workspace is said here: fields and values that the resources' typed classes do
not have, variables, paths, notebooks and entry points that are not there, and what this product asks of a deployment.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.readers.bundle import (
    GIVEN,
    ROOT_FILE,
    Bundle,
    Mistake,
    Resource,
    filled,
    read,
    references,
    values_of,
)
from tests.readers.bundle_types import mistakes, resource_classes

ROOT = Path(__file__).resolve().parents[2]
TOP = {"bundle", "include", "artifacts", "variables", "targets", "resources", "sync"}
TARGET = {"mode", "default", "workspace", "run_as", "permissions", "presets", "variables"}
VARIABLE = {"description", "default", "type", "lookup"}
RUNTIME = "17.3."
STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
Found = Iterator[Mistake]


def check(root: Path) -> None:
    """Returns where nothing is wrong; raises the first Mistake."""
    bundle = read(root)
    for rule in (_top, _references, _targets):
        for mistake in rule(bundle):
            raise mistake


# --- what stands in the files -----------------------------------------------------------------------------------------


def _top(bundle: Bundle) -> Found:
    yield from (
        Mistake(ROOT_FILE, key, "no section of a bundle that this check knows") for key in set(bundle.top) - TOP
    )
    for name, spec in bundle.variables.items():
        for key in set(spec) - VARIABLE:
            yield Mistake(ROOT_FILE, f"variables.{name}.{key}", "a variable has no such field")
    for name, target in bundle.targets.items():
        for key in set(target) - TARGET:
            yield Mistake(ROOT_FILE, f"targets.{name}.{key}", "no field of a target that this check knows")
    if sum(bool(target.get("default")) for target in bundle.targets.values()) != 1:
        yield Mistake(ROOT_FILE, "targets", "exactly one target has to be the default")


def _references(bundle: Bundle) -> Found:
    """Each reference names something, and each variable is named."""
    variables = {f"var.{name}" for name in bundle.variables}
    resources = {resource.where for resource in bundle.resources}
    used = list(_all_references(bundle))
    for file, where, name in used:
        if name not in variables | GIVEN and name.rpartition(".")[0] not in resources:
            what = f"variable {name.removeprefix('var.')}" if name.startswith("var.") else name
            yield Mistake(file, where, f"there is no {what}")
    for name in sorted(variables - {name for _, _, name in used}):
        yield Mistake(ROOT_FILE, f"variables.{name.removeprefix('var.')}", "nothing uses it")


def _all_references(bundle: Bundle) -> Iterator[tuple[str, str, str]]:
    for where, name in references(bundle.top, ""):
        yield ROOT_FILE, where, name
    for resource in bundle.resources:
        for where, name in references(resource.values, resource.where):
            yield resource.file, where, name


# --- what comes of them in each target --------------------------------------------------------------------------------


def _targets(bundle: Bundle) -> Found:
    if "prod" not in bundle.targets:
        yield Mistake(ROOT_FILE, "targets", "there is no prod")
    for name, target in bundle.targets.items():
        yield from _variables(bundle, name, target)
        values = values_of(bundle, name)
        yield from _stage(name, target)
        if {values["var.together"], values["var.apart"]} != {"PAUSED", "UNPAUSED"}:
            yield Mistake(ROOT_FILE, f"targets.{name}", "together and apart: exactly one has to be UNPAUSED")
        for resource in bundle.resources:
            yield from _resource(bundle, resource, values, name)


def _variables(bundle: Bundle, name: str, target: dict[str, Any]) -> Found:
    given = target.get("variables") or {}
    for variable in given:
        if variable not in bundle.variables:
            yield Mistake(ROOT_FILE, f"targets.{name}.variables.{variable}", "there is no such variable")
    for variable, spec in bundle.variables.items():
        if variable not in given and "default" not in spec and "lookup" not in spec:
            yield Mistake(ROOT_FILE, f"targets.{name}.variables.{variable}", "the variable has no value in this target")


def _stage(name: str, target: dict[str, Any]) -> Found:
    if target.get("mode") not in {"development", "production"}:
        yield Mistake(
            ROOT_FILE, f"targets.{name}.mode", f"{target.get('mode')!r} is neither development nor production"
        )
    if "root_path" not in (target.get("workspace") or {}):
        yield Mistake(ROOT_FILE, f"targets.{name}.workspace.root_path", "a target has to say where it is deployed")
    if target.get("mode") != "production":
        return
    if not (target.get("run_as") or {}).get("service_principal_name"):
        yield Mistake(ROOT_FILE, f"targets.{name}.run_as", "production runs as a service principal, not as who deploys")
    if not target.get("permissions"):
        yield Mistake(ROOT_FILE, f"targets.{name}.permissions", "production has to say who may do what")
    if not (target.get("presets") or {}).get("tags"):
        yield Mistake(ROOT_FILE, f"targets.{name}.presets.tags", "production is tagged, so that its cost can be told")


def _resource(bundle: Bundle, resource: Resource, values: dict[str, Any], target: str) -> Found:
    classes = resource_classes()
    if resource.kind not in classes:
        yield Mistake(resource.file, f"resources.{resource.kind}", "no kind of resource")
        return
    resolved = filled(resource.values, values)
    for where, what in mistakes(classes[resource.kind], resolved, resource.where):
        yield _blamed(bundle, resource, where, what, target)
    try:
        classes[resource.kind].from_dict(resolved)
    except (TypeError, ValueError) as error:  # what the walk above has missed
        yield Mistake(resource.file, resource.where, str(error))
        return
    if resource.kind == "jobs":
        for where, what in _job(bundle.root, resource, resolved):
            yield _blamed(bundle, resource, f"{resource.where}.{where}", what, target)


def _blamed(bundle: Bundle, resource: Resource, where: str, what: str, target: str) -> Mistake:
    """The mistake at the place where it is written: the field, or the variable that fills it."""
    value: Any = resource.values
    path = where.removeprefix(resource.where)
    for step in STEP.finditer(path):
        if isinstance(value, str) and value.startswith("${var."):
            name = value[6:-1]
            given = name in (bundle.targets[target].get("variables") or {})
            holder = f"targets.{target}.variables.{name}" if given else f"variables.{name}.default"
            return Mistake(ROOT_FILE, holder + path[step.start() :], what)
        key = step.group(1) or int(step.group(2))
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            break
    return Mistake(resource.file, where, what)


# --- what this product asks of a job ----------------------------------------------------------------------------------


def _job(root: Path, resource: Resource, job: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if not (job.get("email_notifications") or {}).get("on_failure"):
        yield "email_notifications.on_failure", "nobody is told when this job fails"
    if job.get("environments"):
        yield "environments", "serverless compute reaches neither Kafka nor ClaimX"
    clusters = {cluster["job_cluster_key"] for cluster in job.get("job_clusters") or []}
    for number, cluster in enumerate(job.get("job_clusters") or []):
        yield from _cluster(cluster["new_cluster"], f"job_clusters[{number}].new_cluster")
    keys = {task["task_key"] for task in job.get("tasks") or []}
    for number, task in enumerate(job.get("tasks") or []):
        where = f"tasks[{number}]"
        if task.get("job_cluster_key") not in clusters:
            yield f"{where}.job_cluster_key", f"this job has no cluster {task.get('job_cluster_key')}"
        for need in task.get("depends_on") or []:
            if need["task_key"] not in keys:
                yield f"{where}.depends_on", f"this job has no task {need['task_key']}"
        yield from _code(root, resource, task, where)


def _cluster(cluster: dict[str, Any], where: str) -> Iterator[tuple[str, str]]:
    if not str(cluster.get("spark_version", "")).startswith(RUNTIME):
        yield f"{where}.spark_version", f"{cluster.get('spark_version')} is not the tested runtime {RUNTIME}x"
    if cluster.get("data_security_mode") != "SINGLE_USER":
        yield f"{where}.data_security_mode", "the streams need a dedicated cluster (SINGLE_USER)"
    if cluster.get("num_workers") == 0:
        profile = (cluster.get("spark_conf") or {}).get("spark.databricks.cluster.profile")
        if profile != "singleNode":
            yield f"{where}.spark_conf", "no workers and no profile singleNode: no task would ever run"


def _code(root: Path, resource: Resource, task: dict[str, Any], where: str) -> Iterator[tuple[str, str]]:
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
        if path and (beside / path).resolve().parent != (root / "dist").resolve():
            yield f"{where}.libraries[{number}].whl", f"{path} is not where `make build` puts the wheel"


def _wheel(root: Path, wheel: dict[str, Any], where: str) -> Iterator[tuple[str, str]]:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    package = re.sub(r"[-.]+", "_", project["name"])
    if wheel["package_name"] != package:
        yield f"{where}.package_name", f"{wheel['package_name']} is not the wheel's name, {package}"
    if wheel["entry_point"] not in project["entry-points"]["claimx.tasks"]:
        yield f"{where}.entry_point", f"{wheel['entry_point']} is no entry point in pyproject.toml [claimx.tasks]"
    for number, (flag, value) in enumerate(pairwise(wheel.get("parameters") or [])):
        if flag == "--env" and not (root / "conf" / f"{value}.yaml").is_file():
            yield f"{where}.parameters[{number + 1}]", f"there is no conf/{value}.yaml"


def main(arguments: list[str]) -> int:
    """Checks the bundle of this checkout, or of the folder that is given; 0 right, 1 with the first mistake."""
    root = Path(arguments[0]) if arguments else ROOT
    try:
        check(root)
    except Mistake as mistake:
        print(f"bundle-check: {mistake}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"bundle-check: {', '.join(read(root).targets)}: nothing wrong")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
