"""Which jobs a run is of."""

from __future__ import annotations

import pytest

from claimx_lib import runtime
from claimx_lib.config.load import load
from claimx_lib.errors import ConfigError, UsageError
from claimx_lib.runtime import chosen, keep_up, repair, submit

SETTINGS = load(environ={})


def test_jobs_run_in_the_order_of_the_data_flow() -> None:
    """However they are named, each runs once and in the order in which events go."""
    assert chosen(["task_creation", "task_trigger", "task_creation"], SETTINGS) == ("task_trigger", "task_creation")
    assert chosen(["all"], SETTINGS) == ("task_trigger", "task_tracking", "mapping_sync", "task_creation")


def test_a_job_that_is_switched_off_is_left_out_of_all_and_refused_by_name() -> None:
    """`enabled: false` is respected, and a person who names the job is told."""
    settings = load(sets=["jobs.task_creation.enabled=false"], environ={})
    assert "task_creation" not in chosen(["all"], settings)
    with pytest.raises(ConfigError, match=r"jobs\.task_creation\.enabled is false"):
        chosen(["task_creation"], settings)


@pytest.mark.parametrize("jobs", [["nonsense"], [], ["all", "nonsense"]])
def test_an_unknown_job_is_wrong_usage_with_the_list(jobs: list[str]) -> None:
    """The cure names every job there is."""
    with pytest.raises(UsageError) as caught:
        chosen(jobs, SETTINGS)
    assert "task_trigger, task_tracking, mapping_sync, task_creation" in caught.value.cure


def test_no_row_is_repaired_while_nobody_may_be_asked() -> None:
    """With look-ups switched off a repair would make `skipped` of every failed row: it is refused before it begins."""
    settings = load(sets=["jobs.task_tracking.lookup_enabled=false"], environ={})
    with pytest.raises(ConfigError, match="lookup_enabled is false") as caught:
        repair(settings, since=None, limit=1)
    assert "--set jobs.task_tracking.lookup_enabled=true" in caught.value.cure


def test_an_upkeep_that_is_switched_off_is_refused() -> None:
    """`enabled: false` holds for maintenance as for every other job."""
    with pytest.raises(ConfigError, match=r"jobs\.maintenance\.enabled is false"):
        keep_up(load(sets=["jobs.maintenance.enabled=false"], environ={}))


@pytest.mark.parametrize("job", ["task_trigger", "maintenance"])
def test_a_submitted_job_ends_with_one_line_whatever_happens(
    job: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error that nobody foresaw is one line and status 1; with --debug its traceback follows."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("nobody foresaw this")

    monkeypatch.setattr(runtime, "run", broken)
    monkeypatch.setattr(runtime, "keep_up", broken)
    assert submit(job, []) == 1
    line = f"claimx: {job}: ZeroDivisionError: nobody foresaw this — run it again with --debug for the traceback\n"
    assert capsys.readouterr().err == line
    assert submit(job, ["--debug"]) == 1
    told = capsys.readouterr().err
    assert told.startswith(line)
    assert "in broken" in told
    assert submit(job, ["--env", "nowhere"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
