"""What `databricks.yml` itself may hold: databricks-bundles has classes for resources only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass
class Named:
    """The section `bundle`."""

    name: str
    databricks_cli_version: str | None = None
    uuid: str | None = None


@dataclass
class Artifact:
    """What is built before a deployment."""

    type: Literal["whl", "jar"]
    build: str
    path: str
    dynamic_version: bool | None = None


@dataclass
class BundleVariable:
    """A variable; one that holds more than a text is `complex`."""

    description: str | None = None
    default: Any = None
    type: Literal["complex"] | None = None
    lookup: dict[str, str] | None = None


@dataclass
class Workspace:
    """Where a target is deployed."""

    host: str | None = None
    profile: str | None = None
    root_path: str | None = None
    file_path: str | None = None
    artifact_path: str | None = None
    state_path: str | None = None


@dataclass
class RunAs:
    """Who the jobs run as."""

    service_principal_name: str | None = None
    user_name: str | None = None


@dataclass
class Permission:
    """Who may do what with everything of a target."""

    level: Literal["CAN_MANAGE", "CAN_VIEW", "CAN_RUN"]
    group_name: str | None = None
    user_name: str | None = None
    service_principal_name: str | None = None


@dataclass
class Presets:
    """What every resource of a target gets."""

    name_prefix: str | None = None
    tags: dict[str, str] | None = None
    trigger_pause_status: Literal["PAUSED", "UNPAUSED"] | None = None
    pipelines_development: bool | None = None
    jobs_max_concurrent_runs: int | None = None


@dataclass
class Target:
    """One place that the bundle is deployed to."""

    mode: Literal["development", "production"]
    default: bool | None = None
    workspace: Workspace | None = None
    run_as: RunAs | None = None
    permissions: list[Permission] | None = None
    presets: Presets | None = None
    variables: dict[str, Any] = field(default_factory=dict)


@dataclass
class Experimental:
    """What the command line does otherwise than usual."""

    skip_name_prefix_for_schema: bool | None = None


@dataclass
class BundleFile:
    """The whole file."""

    bundle: Named
    include: list[str]
    artifacts: dict[str, Artifact]
    variables: dict[str, BundleVariable]
    targets: dict[str, Target]
    experimental: Experimental | None = None
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
