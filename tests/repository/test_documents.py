"""What documents, settings and jobs say of each other is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel
from typer.main import get_command

from claimx_lib.cli.main import application
from claimx_lib.config.jobs import Jobs
from claimx_lib.config.layers import VARIABLE
from claimx_lib.config.load import load
from claimx_lib.config.secrets import SecretReference
from claimx_lib.config.settings import Settings
from claimx_lib.domain.flow import STREAMS
from tests.readers.settings_reference import rendered

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text("utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
JOBS = (*STREAMS, "maintenance")


def commands() -> dict[str, set[str]]:
    """Every command of `claimx`, and the words of each group."""
    root = get_command(application())
    listed = getattr(root, "commands", {})
    return {name: set(getattr(command, "commands", {})) for name, command in listed.items()}


def code_of(text: str) -> str:
    """The shell blocks and the inline code of a document."""
    return "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text))


def called(text: str) -> Iterator[tuple[str, str | None]]:
    """Each `claimx WORD [WORD]` of the code in a document."""
    for first, second in re.findall(r"\bclaimx ([a-z]+)(?: ([a-z]+)\b)?", code_of(text)):
        yield first, second or None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_in_a_document_exists(document: Path) -> None:
    """A command that a document tells people to type is there, in its group too."""
    known = commands()
    for first, second in called(document.read_text("utf-8")):
        assert first in known, f"claimx {first}"
        if known[first]:
            assert second is None or second in known[first], f"claimx {first} {second}"


def test_every_command_is_in_the_documents() -> None:
    """`docs/configuration.md` has each command, and each word of each group."""
    missing = [name for name in commands() if f"claimx {name}" not in CONFIGURATION]
    missing += [f"{g} {w}" for g, words in commands().items() for w in words if f"{g} {w}" not in CONFIGURATION]
    assert missing == []


def test_the_reference_of_settings_is_that_of_the_settings() -> None:
    """docs/configuration.md holds the table that base.yaml gives; `python tests/readers/settings_reference.py` writes it."""
    assert rendered() in CONFIGURATION


def setting_paths(group: type[BaseModel], *above: str) -> Iterator[str]:
    """The path of each setting below a group; a list, a map or a reference to a secret is one setting."""
    for name, field in group.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not SecretReference:
            yield from setting_paths(kind, *above, name)
        else:
            yield ".".join((*above, name))


def test_every_setting_has_a_place_in_the_base_file() -> None:
    """The base file alone is complete: no setting exists that it does not show."""
    base = yaml.safe_load((ROOT / "conf" / "base.yaml").read_text("utf-8"))
    missing = [path for path in setting_paths(Settings) if not has(base, path)]
    assert missing == []


def has(tree: object, path: str) -> bool:
    for name in path.split("."):
        if not isinstance(tree, dict) or name not in tree:
            return False
        tree = tree[name]
    return True


@pytest.mark.parametrize("env", sorted({path.stem for path in (ROOT / "conf").glob("*.yaml")} - {"base"}))
def test_every_settings_file_is_valid(env: str) -> None:
    """Each environment's file gives valid settings over the base file."""
    text = (ROOT / "conf" / f"{env}.yaml").read_text("utf-8")
    needed = {name for name, default in VARIABLE.findall(text) if not default}
    environ = {name: "example.com:443" if name.startswith("KAFKA") else "https://example.com" for name in needed}
    assert load(env, environ=environ).env == env


@pytest.mark.parametrize("job", JOBS)
def test_a_jobs_name_is_one_thread(job: str) -> None:
    """A job is called the same as an entry point, a module, a group of settings, in the bundle, tests and README."""
    assert (ROOT / "jobs" / f"{job}.py").is_file()
    folder = "operations" if job == "maintenance" else "streams"
    assert (ROOT / "claimx_lib" / folder / f"{job}.py").is_file()
    assert job in Jobs.model_fields
    assert job in yaml.safe_load((ROOT / "conf" / "base.yaml").read_text("utf-8"))["jobs"]
    assert f"`{job}`" in README
    bundle = "".join(file.read_text("utf-8") for file in (ROOT / "conf" / "bundle").glob("*.yml"))
    assert re.search(rf"\b{job}\b", bundle), "no bundle resource"
    stories = "".join(
        file.read_text("utf-8") for layer in ("e2e", "integration") for file in (ROOT / "tests" / layer).rglob("*.py")
    )
    assert re.search(rf"\b{job}\b", stories), "no test runs it"


def test_entry_points_hold_no_logic() -> None:
    """A file in jobs/ takes its arguments to the runtime, in fifteen lines."""
    for file in sorted((ROOT / "jobs").glob("*.py")):
        text = file.read_text("utf-8")
        assert len(text.splitlines()) <= 15, file
        assert f'submit("{file.stem}"' in text


def test_every_link_in_a_document_leads_somewhere() -> None:
    """A relative link names a file or folder that is there."""
    broken = [
        f"{document.name}: {target}"
        for document in DOCUMENTS
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text("utf-8"))
        if not (document.parent / target).exists()
    ]
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_in_a_document_exists(document: Path) -> None:
    """`make X` in the code of a document is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)\b", code_of(document.read_text("utf-8")))) <= targets
