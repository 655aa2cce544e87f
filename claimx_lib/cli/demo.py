"""`claimx demo`: both pipelines on a real broker and a simulated ClaimX, told as a story that must add up."""

from __future__ import annotations

import secrets
import shlex
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from claimx_lib.cli.narrator import Teller
from claimx_lib.errors import ClaimxError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from claimx_lib.config.settings import Settings
    from claimx_lib.devstack.broker import Broker
    from claimx_lib.devstack.simulator.process import Simulator
    from claimx_lib.devstack.story.scene import Check
    from claimx_lib.observability.metrics import Metrics

Events = Annotated[int, typer.Option("--events", min=100, help="How many ClaimX events to produce.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed tells the same story.")]
Folder = Annotated[Path, typer.Option("--folder", help="Where tables, topics and settings go; emptied first.")]
Hold = Annotated[float, typer.Option("--hold", min=0, help="Seconds for which the metrics stay up after the last run.")]
MARK = "demo.yaml"
FIGURE_CHARACTERS = 60
MOST_KINDS = 8


def command(events: Events = 4000, seed: Seed = 32513, folder: Folder = Path(".claimx/demo"), hold: Hold = 0.0) -> None:
    """Start a Kafka broker and a simulated ClaimX, run both pipelines, and show what landed.

    Needs nothing but this machine. Ends with 0 only if every figure adds up.
    Example: claimx demo --events 10000
    """
    started = time.monotonic()
    teller = Teller()
    teller.heading("claimx demo: a Kafka broker, a ClaimX simulator, Spark and Delta Lake on this machine")
    with _stage(folder.absolute(), teller) as stage:
        checks = _played(stage, events, seed)
        if hold:
            teller.say(f"the metrics stay up for {hold:g} s")
            time.sleep(hold)
    status = _reckoned(teller, checks)
    _where_to_look(teller, folder, time.monotonic() - started)
    raise typer.Exit(status)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    settings: Settings
    session: SparkSession
    simulator: Simulator
    teller: Teller
    file: Path
    metrics: Metrics


@contextmanager
def _stage(folder: Path, teller: Teller) -> Iterator[_Stage]:
    """Broker and simulator come up while Spark starts: each takes its seconds."""
    from claimx_lib.connectors.spark import open_session
    from claimx_lib.devstack.broker import Broker
    from claimx_lib.devstack.outside import Outside
    from claimx_lib.devstack.ports import free_port
    from claimx_lib.devstack.quick_jvm import QUICK_JVM
    from claimx_lib.devstack.simulator.process import Simulator
    from claimx_lib.operations.tables import create_missing
    from claimx_lib.operations.topics import create_missing as create_topics

    _emptied(folder)
    token = secrets.token_urlsafe(24)
    broker = Broker(data_dir=folder / "kafka", port=free_port())
    simulator = Simulator(token=token, folder=folder / "claimx")
    with ExitStack() as cleanup:
        metrics = cleanup.enter_context(_measured(teller))
        cleanup.callback(simulator.stop)
        cleanup.callback(broker.stop)
        with teller.working("starting a Kafka broker, a ClaimX simulator and Spark, and making topics and tables"):
            outside = Outside(simulator, broker)
            outside.start()
            session = open_session(_settings(folder, broker, token, ""), app_name="claimx demo", java_options=QUICK_JVM)
            cleanup.callback(session.stop)
            outside.wait()
            settings = _settings(folder, broker, token, simulator.base_url)
            create_topics(settings)
            create_missing(session, settings)
        file = folder / MARK
        yield _Stage(settings=settings, session=session, simulator=simulator, teller=teller, file=file, metrics=metrics)


@contextmanager
def _measured(teller: Teller) -> Iterator[Metrics]:
    """One set of figures over all runs of the demo, served where the port is free: another run may have it."""
    from claimx_lib.config.load import load
    from claimx_lib.observability.endpoint import served_where_free
    from claimx_lib.observability.metrics import Metrics

    metrics, settings = Metrics(), load("local").metrics
    with served_where_free(metrics.registry, settings, port=settings.port) as address:
        if address is not None:
            teller.say(f"metrics: {address}")
        yield metrics


def _emptied(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise ClaimxError(f"{folder} holds something else than a demo", cure="name another with --folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _settings(folder: Path, broker: Broker, token: str, base_url: str) -> Settings:
    """The demo's settings, also as a file, so that every other command can be pointed at it afterwards."""
    import yaml

    from claimx_lib.config.load import load
    from claimx_lib.devstack.quick_jvm import INTERPRETED

    file = folder / MARK
    secret = folder / "token"
    secret.touch(mode=0o600)
    secret.write_text(token)
    values = {
        "kafka": {"bootstrap_servers": broker.bootstrap_servers},
        "claimx": {
            "base_url": base_url or "http://127.0.0.1:1",
            "token": {"file": str(secret)},
            "retry_backoff_base": 1,
            "retry_backoff_max_seconds": 0.2,
            "requests_per_second": 400,
            "timeout_seconds": 5,
        },
        "storage": {"warehouse": str(folder / "warehouse"), "checkpoints": str(folder / "checkpoints")},
        "metrics": {"port": 0},
        "spark": {"conf": INTERPRETED},
        "logging": {"level": "error", "spark_file": str(folder / "spark.log")},
        "jobs": {
            "mapping_sync": {"trigger_seconds": 0.5},
            "task_creation": {
                "retry_delay_seconds": 3,
                "retry_backoff_factor": 1,
                "retry_jitter": False,
                "trigger_seconds": 0.5,
                "negative_cache_seconds": 0,
                "settle_seconds": 1,
                "intent_ttl_seconds": 10,
            },
        },
    }
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    return load("local", config=file)


def _played(stage: _Stage, events: int, seed: int) -> list[Check]:
    from claimx_lib.devstack.story import identity, tracking
    from claimx_lib.devstack.story.scene import Scene
    from claimx_lib.devstack.story.telling import Told
    from claimx_lib.runtime import run
    from claimx_lib.streams.context import StopFlag

    def jobs(*names: str) -> None:
        unasked = StopFlag()  # Ctrl-C ends the whole demo, not one of its runs
        report = run(names, stage.settings, available_now=True, stop=unasked, metrics=stage.metrics)
        for name, failure in report.failures:
            raise ClaimxError(f"{name}: {failure.message}", cure=failure.cure)

    def operate(arguments: Sequence[str]) -> int:
        from claimx_lib.cli.main import main

        print(f"  $ claimx {shlex.join(arguments)}", flush=True)
        return main([*arguments, "--config", str(stage.file)])

    def beside(names: Sequence[str], story: Callable[[], None]) -> None:
        told = Told(story, StopFlag())
        told.start()
        report = run(names, stage.settings, stop=told.ended, metrics=stage.metrics)
        for name, failure in report.failures:  # the story would wait in vain for what no job does any more
            raise ClaimxError(f"{name}: {failure.message}", cure=failure.cure)
        told.join()
        if told.error is not None:
            raise told.error

    scene = Scene(
        settings=stage.settings,
        simulator=stage.simulator.control,
        jobs=jobs,
        beside=beside,
        operate=operate,
        narrator=stage.teller,
        events=events,
        seed=seed,
    )
    return [*tracking.play(scene), *identity.play(scene)]


def _reckoned(teller: Teller, checks: Sequence[Check]) -> int:
    wrong = [check for check in checks if not check.holds]
    teller.heading(f"{len(checks) - len(wrong)} of {len(checks)} figures add up: what was sent against what landed")
    for check in checks:
        mark = "✓" if check.holds else "✗"
        found = "" if check.holds else f", but landed {_short(check.landed)}"
        teller.say(f"{mark} {check.what}: {_short(check.sent)}{found}")
    return 1 if wrong else 0


def _short(value: object) -> str:
    if isinstance(value, set):
        return f"{len(value):,}"
    if isinstance(value, dict) and len(value) > MOST_KINDS:
        return f"{sum(value.values()):,} in {len(value):,} places"
    if isinstance(value, dict):
        return ", ".join(f"{key} {count}" for key, count in sorted(value.items())) or "none"
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text if len(text) <= FIGURE_CHARACTERS else f"{text[:FIGURE_CHARACTERS]}…"


def _where_to_look(teller: Teller, folder: Path, seconds: float) -> None:
    teller.heading(f"Done in {seconds:.0f} s. Where to look next")
    config = f"--config {folder / MARK}"
    teller.say(f"claimx status {config}          what waits, what is refused, what was created")
    teller.say(f"claimx dlq list {config}        what only a person can settle")
    teller.say(f"claimx console {config}         the same in a browser")
    teller.say("claimx dev up                                            the same stack, kept running")
    teller.say("README.md, docs/architecture.md                          how it works and why")
