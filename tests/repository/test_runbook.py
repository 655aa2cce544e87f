"""The runbook names commands, options, settings, tests and sections that are there."""

from __future__ import annotations

import re
import shlex

import pytest
from typer.main import get_command

from claimx_lib.cli.main import application
from claimx_lib.config.load import load
from tests.readers.monitoring import ROOT

TEXT = (ROOT / "docs" / "operations.md").read_text("utf-8")
PLACEHOLDER = re.compile(r"<[^<>\n]*>")


def _commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    inline = [
        " ".join(code.split()) for code in re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL))
    ]
    return sorted({text for text in [*lines, *inline] if text.startswith("claimx ")})


@pytest.mark.parametrize("text", _commands())
def test_every_command_has_only_options_that_it_takes(text):
    """Commands, subcommands and options of the runbook exist."""
    words = shlex.split(PLACEHOLDER.sub("x", text.replace("…", "x")))[1:]
    command = get_command(application())
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands, text
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known | {"--help"}


def test_every_setting_is_one_that_there_is():
    """A setting named by its path is in conf/base.yaml."""
    settings = load().model_dump()
    groups = "|".join(settings)
    named = set(re.findall(rf"`((?:{groups})\.[a-z_.]+[a-z_])", TEXT))
    assert len(named) > 10
    for path in named - set(settings["kafka"]["topics"].values()):
        value = settings
        for part in path.split("."):
            assert part in value, path
            value = value[part]


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL), ids=lambda text: text.split()[1])
def test_every_settings_file_is_one_that_production_takes(text, tmp_path):
    """A file for `--config` gives valid settings over conf/prod.yaml, with the variables that it tells to export and no others."""
    file = tmp_path / "own.yaml"
    file.write_text(PLACEHOLDER.sub("/x", text.replace("<blue's>", "2026-01-10T00:00:00Z")))
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": "kafka.example.com:9096",
        "KAFKA_USERNAME": "claimx",
        "CLAIMX_API_BASE_URL": "https://claimx.example.com",
        "CLAIMX_WAREHOUSE": "prod.claimx",
        "CLAIMX_CHECKPOINTS": "/Volumes/prod/claimx/checkpoints/v1",
    }
    assert load("prod", config=file, environ=environ).metrics.pushgateway_url is None


def test_every_test_it_rests_on_is_there():
    """`Tried by` names test files, and tests in them."""
    named = set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", TEXT))
    assert named
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text("utf-8") if test else (ROOT / file).is_file(), (file, test)


def test_every_link_within_it_leads_somewhere():
    """A section that is linked to is there."""
    headings = re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors
