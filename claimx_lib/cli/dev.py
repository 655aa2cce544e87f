"""`claimx dev`: a Kafka broker and a ClaimX simulator, kept running in the background."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from claimx_lib.cli.options import AsJson
from claimx_lib.cli.output import print_json
from claimx_lib.errors import ClaimxError

if TYPE_CHECKING:
    from claimx_lib.devstack.stack import StackStatus

app = typer.Typer(help="A Kafka broker and a ClaimX simulator, kept running for a developer.", no_args_is_help=True)
Folder = Annotated[Path, typer.Option("--folder", help="Where the stack keeps its data, logs and token.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0: the last one used, else the usual one, else a free one.")]
Monitoring = Annotated[bool, typer.Option("--monitoring", help="A Prometheus too, with the alerts loaded.")]
Events = Annotated[int, typer.Option("--events", min=100, help="How many ClaimX events to produce.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same events.")]
HERE = Path(".claimx/dev")


@app.command("up")
def up(
    folder: Folder = HERE,
    broker_port: Port = 0,
    simulator_port: Port = 0,
    monitoring: Monitoring = False,
    as_json: AsJson = False,
) -> None:
    """Start broker and simulator; print the variables that point claimx at them.

    With --monitoring a Prometheus too, where it is installed: it scrapes the metrics of the jobs that run here.

    Example: eval "$(claimx dev up)" && claimx topics create
    """
    from claimx_lib.devstack import stack

    monitored = _endpoints() if monitoring else None
    found = stack.up(folder, broker_port=broker_port, simulator_port=simulator_port, monitored=monitored)
    _print(found, as_json=as_json)


@app.command("down")
def down(folder: Folder = HERE) -> None:
    """Stop broker and simulator; their data stay."""
    from claimx_lib.devstack import stack

    print("# stopped" if stack.down(folder) else "# nothing was running")


@app.command("status")
def status(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Say what runs; status 1 where something is missing."""
    from claimx_lib.devstack import stack

    found = stack.status(folder)
    _print(found, as_json=as_json)
    raise typer.Exit(0 if found.is_healthy else 1)


@app.command("seed")
def seed(events: Events = 2000, seed: Seed = 1, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Produce ClaimX events onto the running stack, and say what must come of them.

    Example: claimx dev seed --events 5000 && claimx run task_trigger task_tracking --available-now
    """
    import dataclasses
    import os

    from claimx_lib.config.load import load
    from claimx_lib.devstack import stack
    from claimx_lib.devstack.scenario import tracking_scenario
    from claimx_lib.devstack.seed import seed_tracking

    running = stack.status(folder)
    if not running.is_healthy:
        raise ClaimxError("the development stack does not run", cure="start it with claimx dev up")
    settings = load("local", environ={**os.environ, **running.environment()})
    scenario = tracking_scenario(events=events, seed=seed, until=datetime.now(UTC))
    seed_tracking(settings, scenario)
    expected = dataclasses.asdict(scenario.expected)
    if as_json:
        print_json(expected)
        return
    print(f"# {events} events produced onto {settings.kafka.topics.claimx_events}; what must come of them:")
    for name, value in expected.items():
        told = ", ".join(f"{count} {what}" for what, count in value.items()) if isinstance(value, dict) else value
        print(f"#   {name}: {told}")


def _endpoints() -> list[str]:
    """Where jobs that run on this machine show their metrics, together or alone."""
    from claimx_lib.config.load import load

    settings = load("local")
    ports = [settings.metrics.port, *(getattr(job, "metrics_port", None) for _, job in settings.jobs)]
    return [f"{settings.metrics.host}:{port}" for port in dict.fromkeys(ports) if port]


def _print(found: StackStatus, *, as_json: bool) -> None:
    """To people as lines that a shell takes: what is no variable is a comment."""
    if as_json:
        print_json(
            {
                "running": found.is_running,
                "broker": found.has_broker,
                "simulator": found.has_simulator,
                "prometheus": found.record.prometheus_url if found.record and found.has_prometheus else None,
                "environment": {k: v for k, v in found.environment().items() if k != "CLAIMX_API_TOKEN"},
                "token_file": str(found.token_file),
            }
        )
        return
    for name, value in found.environment().items():
        shown = f'"$(cat {shlex.quote(str(found.token_file))})"' if name == "CLAIMX_API_TOKEN" else shlex.quote(value)
        print(f"export {name}={shown}")
    if found.record is not None and found.has_prometheus:
        print(f"# Prometheus: {found.record.prometheus_url}/alerts")
    if not found.is_healthy:
        told = [
            f"broker {'up' if found.has_broker else 'down'}",
            f"simulator {'up' if found.has_simulator else 'down'}",
        ]
        print(f"# {', '.join(told)}; start with: claimx dev up")
