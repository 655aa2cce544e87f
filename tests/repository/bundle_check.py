"""`make bundle-check`: the Databricks bundle, offline; a mistake ends it with 1 and one line that names file and field.

What the command line would say only at a workspace is said here: fields and values that the resources' typed classes do
not have, variables, paths, notebooks and entry points that are not there, settings that a task could not load, and what
this product asks of a deployment.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.readers.bundle import (
    GIVEN,
    REFERENCE,
    ROOT_FILE,
    Bundle,
    Mistake,
    Resource,
    filled,
    read,
    texts,
    values_of,
)
from tests.readers.bundle_types import mistakes, resource_classes
from tests.repository.bundle_job import job_mistakes
from tests.repository.bundle_places import place_mistakes
from tests.repository.bundle_settings import settings_mistakes

ROOT = Path(__file__).resolve().parents[2]
HALF = re.compile(r"\$|\{(?:var|bundle|workspace|resources)\.")
STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
NOBODY = "00000000-0000-0000-0000-000000000000"
Found = Iterator[Mistake]


def check(root: Path) -> None:
    """Returns where nothing is wrong; raises the first Mistake."""
    bundle = read(root)
    for rule in (_top, _references, _targets, place_mistakes):
        for mistake in rule(bundle):
            raise mistake


# --- what stands in the files -----------------------------------------------------------------------------------------


def _top(bundle: Bundle) -> Found:
    if sum(bool(target.get("default")) for target in bundle.targets.values()) != 1:
        yield Mistake(ROOT_FILE, "targets", "exactly one target has to be the default")
    for name, artifact in bundle.top["artifacts"].items():
        if not (bundle.root / artifact["path"] / "pyproject.toml").is_file():
            yield Mistake(ROOT_FILE, f"artifacts.{name}.path", f"{artifact['path']} holds no pyproject.toml")
    for resource in bundle.resources:
        if resource.kind not in resource_classes():
            yield Mistake(resource.file, f"resources.{resource.kind}", "no kind of resource")


def _references(bundle: Bundle) -> Found:
    """Each reference names something, and each variable is named."""
    variables = {f"var.{name}" for name in bundle.variables}
    known = variables | GIVEN | set(_attributes(bundle))
    used = list(_all_references(bundle))
    for file, where, text in _all_texts(bundle):
        if HALF.search(REFERENCE.sub("", text)):
            yield Mistake(file, where, f"{text!r} holds half a reference: ${{…}} it has to be")
    for file, where, name in used:
        if name not in known:
            what = f"variable {name.removeprefix('var.')}" if name.startswith("var.") else name
            yield Mistake(file, where, f"there is no {what}")
    for name in sorted(variables - {name for _, _, name in used}):
        yield Mistake(ROOT_FILE, f"variables.{name.removeprefix('var.')}", "nothing uses it")


def _attributes(bundle: Bundle) -> Iterator[str]:
    """What a reference may name of each resource: its fields, and the id that a deployment gives it."""
    for resource in bundle.resources:
        names = [field.name for field in dataclasses.fields(resource_classes()[resource.kind])]
        yield from (f"{resource.where}.{name}" for name in (*names, "id"))


def _all_references(bundle: Bundle) -> Iterator[tuple[str, str, str]]:
    for file, where, text in _all_texts(bundle):
        yield from ((file, where, name) for name in REFERENCE.findall(text))


def _all_texts(bundle: Bundle) -> Iterator[tuple[str, str, str]]:
    for where, text in texts(bundle.top, ""):
        yield ROOT_FILE, where, text
    for resource in bundle.resources:
        for where, text in texts(resource.values, resource.where):
            yield resource.file, where, text


# --- what comes of them in each target --------------------------------------------------------------------------------


def _targets(bundle: Bundle) -> Found:
    if "prod" not in bundle.targets:
        yield Mistake(ROOT_FILE, "targets", "there is no prod")
    for name, target in bundle.targets.items():
        yield from _variables(bundle, name, target)
        values = values_of(bundle, name)
        yield from _stage(name, target, values)
        if {values["var.together"], values["var.apart"]} != {"PAUSED", "UNPAUSED"}:
            yield Mistake(ROOT_FILE, f"targets.{name}", "together and apart: exactly one has to be UNPAUSED")
        for resource in bundle.resources:
            yield from _resource(bundle, resource, values, name)
        for job in (resource for resource in bundle.resources if resource.kind == "jobs"):
            for where, what in settings_mistakes(bundle.root, filled(job.values, values)):
                if not where:
                    file, _, rest = what.partition(": ")
                    yield Mistake(file, "", rest)
                yield _blamed(bundle, job, f"{job.where}.{where}", f"in {name}: {what}", name)


def _variables(bundle: Bundle, name: str, target: dict[str, Any]) -> Found:
    given = target.get("variables") or {}
    for variable, value in given.items():
        where = f"targets.{name}.variables.{variable}"
        if variable not in bundle.variables:
            yield Mistake(ROOT_FILE, where, "there is no such variable")
        elif value is None:
            yield Mistake(ROOT_FILE, where, "the variable has no value in this target")
    for variable, spec in bundle.variables.items():
        if variable not in given and "default" not in spec and "lookup" not in spec:
            yield Mistake(ROOT_FILE, f"targets.{name}.variables.{variable}", "the variable has no value in this target")


def _stage(name: str, target: dict[str, Any], values: dict[str, Any]) -> Found:
    if "root_path" not in (target.get("workspace") or {}):
        yield Mistake(ROOT_FILE, f"targets.{name}.workspace.root_path", "a target has to say where it is deployed")
    if target["mode"] != "production":
        return
    principal = filled((target.get("run_as") or {}).get("service_principal_name"), values)
    if not principal:
        yield Mistake(ROOT_FILE, f"targets.{name}.run_as", "production runs as a service principal, not as who deploys")
    if principal == NOBODY:
        yield Mistake(
            ROOT_FILE, f"targets.{name}.run_as.service_principal_name", f"{NOBODY} is nobody: give this target its own"
        )
    if not target.get("permissions"):
        yield Mistake(ROOT_FILE, f"targets.{name}.permissions", "production has to say who may do what")
    if not (target.get("presets") or {}).get("tags"):
        yield Mistake(ROOT_FILE, f"targets.{name}.presets.tags", "production is tagged, so that its cost can be told")


def _resource(bundle: Bundle, resource: Resource, values: dict[str, Any], target: str) -> Found:
    classes = resource_classes()
    resolved = filled(resource.values, values)
    for where, what in mistakes(classes[resource.kind], resolved, resource.where):
        yield _blamed(bundle, resource, where, what, target)
    try:
        classes[resource.kind].from_dict(resolved)
    except (TypeError, ValueError) as error:  # what the walk above has missed
        yield Mistake(resource.file, resource.where, str(error))
        return
    for where, text in texts(resolved, resource.where):
        if text == NOBODY:
            yield _blamed(
                bundle, resource, where, f"in {target}: {NOBODY} is nobody, and a workspace knows none", target
            )
    if resource.kind == "jobs":
        for where, what in job_mistakes(bundle.root, resource, resolved):
            yield _blamed(bundle, resource, f"{resource.where}.{where}", what, target)


def _blamed(bundle: Bundle, resource: Resource, where: str, what: str, target: str) -> Mistake:
    """The mistake at the place where it is written: the field, or the variable that fills it."""
    value: Any = resource.values
    file, written = resource.file, resource.where
    for step in STEP.finditer(where.removeprefix(resource.where)):
        if isinstance(value, str) and value.startswith("${var."):
            file, written, value = _holder(bundle, value[6:-1], target)
        written += step.group()
        try:
            value = value[step.group(1) or int(step.group(2))]
        except (KeyError, IndexError, TypeError):
            value = None
    return Mistake(file, written, what)


def _holder(bundle: Bundle, name: str, target: str) -> tuple[str, str, Any]:
    """Where the variable has its value for this target, and the value."""
    given = bundle.targets[target].get("variables") or {}
    if name in given:
        return ROOT_FILE, f"targets.{target}.variables.{name}", given[name]
    return ROOT_FILE, f"variables.{name}.default", bundle.variables[name].get("default")


def main(arguments: list[str]) -> int:
    """Checks the bundle of this checkout, or of the folder that is given; 0 right, 1 with the first mistake."""
    root = Path(arguments[0]).resolve() if arguments else ROOT
    try:
        check(root)
    except Mistake as mistake:
        print(f"bundle-check: {mistake}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"bundle-check: {', '.join(read(root).targets)}: nothing wrong")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
