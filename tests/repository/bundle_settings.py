"""What a job of the bundle would load: its words as the command line takes them, its environment, and the settings of both."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import typer
import yaml

from claimx_lib.cli.main import application
from claimx_lib.config.layers import VARIABLE
from claimx_lib.config.load import load
from claimx_lib.config.settings import Settings
from claimx_lib.errors import ClaimxError, SettingsError
from claimx_lib.operations.analysis import ENVIRONMENT
from claimx_lib.runtime import MAINTENANCE, chosen

COMMAND = "claimx_task"
FOLDER = "CLAIMX_CONF"
VARIABLES = "job_clusters[0].new_cluster.spark_env_vars"
PATH = re.compile(r"(?:[^:]+: )?([a-z_][\w.]*)")
Found = Iterator[tuple[str, str]]


def settings_mistakes(root: Path, job: dict[str, Any]) -> Found:
    """Field and mistake of what a task could not start with; without a field where the mistake itself names its file.

    Each job has one cluster, whose environment its tasks get.
    """
    environ = job["job_clusters"][0]["new_cluster"].get("spark_env_vars") or {}
    for name in environ:
        if name not in _read(root):
            close = "".join(f"; did you mean {other}?" for other in get_close_matches(name, _read(root), n=1))
            yield f"{VARIABLES}.{name}", f"nothing reads this variable{close}"
    with _folder(root / "conf"):
        for number, task in enumerate(job["tasks"]):
            kind = "python_wheel_task.parameters" if "python_wheel_task" in task else "notebook_task"
            for path, what in _task(task, environ, root):
                yield path or ("" if what.startswith("conf/") else f"tasks[{number}].{kind}"), what
                return


def _task(task: dict[str, Any], environ: Mapping[str, str], root: Path) -> Iterator[tuple[str, str]]:
    """The place, empty for the parameters as a whole, and the mistake."""
    words = _words(task, environ)
    try:
        given = _parsed(words)
        settings = _loaded(root, given["env"], tuple(given.get("sets") or ()), tuple(environ.items()))
        if given.get("jobs") and given["jobs"] != [MAINTENANCE]:
            chosen(given["jobs"], settings)
        if not settings.claimx.base_url.startswith("https://"):
            yield (
                f"{VARIABLES}.CLAIMX_API_BASE_URL",
                f"{settings.claimx.base_url}: the token goes along, it has to be https",
            )
    except typer.TyperException as error:
        yield "", " ".join(error.format_message().split())
    except SettingsError as error:
        yield _place(error.problems[0], root, given), error.problems[0].replace(f"{root}/", "")
    except ClaimxError as error:
        yield "", str(error).replace(f"{root}/", "")


@lru_cache(maxsize=32)
def _loaded(root: Path, env: str, sets: tuple[str, ...], environ: tuple[tuple[str, str], ...]) -> Settings:
    """Most tasks of a target load the same; `root` is what the folder of the settings is below."""
    del root
    return load(env, sets=list(sets), environ=dict(environ))


def _words(task: dict[str, Any], environ: Mapping[str, str]) -> list[str]:
    """The task as a call of `claimx`: a job's own entry point takes what `claimx run <job>` takes."""
    wheel = task.get("python_wheel_task")
    if wheel is None:
        return ["config", "check", "--env", environ.get(ENVIRONMENT, "local")]
    before = [] if wheel["entry_point"] == COMMAND else ["run", wheel["entry_point"]]
    return [*before, *(wheel.get("parameters") or [])]


def _parsed(words: list[str]) -> dict[str, Any]:
    command = _command_line()
    context = command.make_context("claimx", list(words))
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)
    return {"env": "local", **context.params}


@cache
def _command_line() -> Any:
    return typer.main.get_command(application())


def _place(problem: str, root: Path, given: dict[str, Any]) -> str:
    """The environment variable that fills what is wrong; empty where none does."""
    found = PATH.match(problem)
    file = root / "conf" / f"{given['env']}.yaml"
    value: Any = yaml.safe_load(file.read_text("utf-8")) if file.is_file() else {}
    for key in found.group(1).split(".") if found else []:
        value = value.get(key) if isinstance(value, dict) else value
    variable = VARIABLE.search(value) if isinstance(value, str) and not problem.startswith("--set") else None
    return f"{VARIABLES}.{variable.group(1)}" if variable else ""


@contextmanager
def _folder(conf: Path) -> Iterator[None]:
    """Settings are read from this folder meanwhile."""
    before = os.environ.get(FOLDER)
    os.environ[FOLDER] = str(conf)
    try:
        yield
    finally:
        os.environ.pop(FOLDER)
        if before is not None:
            os.environ[FOLDER] = before


@cache
def _read(root: Path) -> frozenset[str]:
    """The environment variables that settings files or notebooks read."""
    texts = [path.read_text("utf-8") for path in (root / "conf").glob("*.yaml")]
    return frozenset(name for text in texts for name, _ in VARIABLE.findall(text)) | {ENVIRONMENT}
