"""The command line's exit statuses and its one line."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from claimx_lib import runtime
from claimx_lib.cli.main import main
from claimx_lib.streams.failure import explained

CLAIMX = Path(sys.executable).with_name("claimx")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["run", "nonsense"],
            "there is no job nonsense — use task_trigger, task_tracking, mapping_sync, task_creation, or all",
        ),
        (["run", "maintenance", "task_trigger"], "maintenance runs once and alone"),
        (["nonsense"], "No such command 'nonsense'"),
        (["run"], "Missing argument"),
        (["topics", "create", "--nonsense"], "No such option: --nonsense"),
        (["run", "all", "--env", "nowhere"], "there is no"),
        (["run", "all", "--set", "claimx.max_retries=x"], "claimx.max_retries"),
        (["run", "task_tracking"], "environment variable CLAIMX_API_TOKEN is not set"),
        (["run", "task_creation"], "environment variable CLAIMX_API_TOKEN is not set"),
    ],
)
def test_wrong_usage_and_settings_are_status_2_and_one_line(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the caller did wrong ends with 2 and says what, where, and what to do."""
    monkeypatch.delenv("CLAIMX_API_TOKEN", raising=False)
    assert main(arguments) == 2
    told = capsys.readouterr().err.strip()
    assert line in told
    assert "\n" not in told


def test_a_broker_that_is_down_is_status_1_at_once(
    free_port: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job and a decision without a broker end with 1, one line and the cure, before a JVM is started."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{free_port}")
    for arguments in (["run", "task_trigger"], ["mapping", "set", "C-1", "1", "--by", "me", "--why", "told"]):
        assert main(arguments) == 1
        told = capsys.readouterr().err.strip()
        assert f"no broker answers at 127.0.0.1:{free_port}" in told
        assert "\n" not in told


def test_debug_shows_the_traceback() -> None:
    """With --debug anywhere a failure keeps its traceback."""
    done = subprocess.run(
        [CLAIMX, "run", "nonsense", "--debug"], capture_output=True, text=True, timeout=240, check=False
    )
    assert "Traceback" in done.stderr
    assert done.returncode != 0


@pytest.mark.parametrize("command", [["run", "task_trigger"], ["backfill", "task_trigger", "--since", "2h"]])
def test_a_failed_jobs_traceback_is_shown_with_debug(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job that fails is one line and status 1; with --debug the lines of its code follow, as the line promises."""
    report = runtime.RunReport(failures=(("task_trigger", explained(_failed())),))
    monkeypatch.setattr(runtime, command[0], lambda *_, **__: report)
    assert main(command) == 1
    line = "claimx: task_trigger: KeyError: 'gone' — run it again with --debug for the traceback\n"
    assert capsys.readouterr().err == line
    assert main(["--debug", *command]) == 1
    told = capsys.readouterr().err
    assert told.startswith(line)
    assert '{}["gone"]' in told


def _failed() -> Exception:
    try:
        {}["gone"]
    except KeyError as error:
        return error


def test_config_check_tells_every_problem_in_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Two wrong settings are two lines and status 2; as JSON they are a list."""
    wrong = ["config", "check", "--set", "claimx.max_retries=x", "--set", "nonsense=1"]
    assert main(wrong) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 2
    assert main([*wrong, "--json"]) == 2
    assert len(json.loads(capsys.readouterr().out)["problems"]) == 2


def test_config_show_is_json_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """Every listing is there for machines too."""
    assert main(["config", "show", "--json"]) == 0
    listed = {one["path"]: one["value"] for one in json.loads(capsys.readouterr().out)}
    assert listed["jobs.task_creation.max_retries"] == 3


def test_help_starts_fast() -> None:
    """`claimx --help` loads no Spark and takes under 0.4 s of processor time, the best of three starts."""
    code = "import sys; from claimx_lib.cli.main import main; main(['--help']); sys.exit('pyspark' in sys.modules)"
    taken = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=False)
        taken.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
        assert done.returncode == 0
        assert "run" in done.stdout
    assert min(taken) < 0.4


def test_a_group_without_a_command_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    """`claimx dev` alone lists its commands, a line each, and is wrong usage."""
    assert main(["dev"]) == 2
    assert "\n  up " in capsys.readouterr().err


def test_config_check_tells_a_broken_file_as_json_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no YAML is a problem in the list."""
    (tmp_path / "x.yaml").write_text("a: [")
    assert main(["config", "check", "--json", "--config", str(tmp_path / "x.yaml")]) == 2
    assert "x.yaml line 2" in json.loads(capsys.readouterr().out)["problems"][0]
