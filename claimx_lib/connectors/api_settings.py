"""How ClaimX is reached: a value that an executor can be given."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claimx_lib.domain.secret import Secret
from claimx_lib.errors import ConfigError

if TYPE_CHECKING:
    from claimx_lib.config.claimx import ClaimX  # an executor has no pydantic


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """Everything a client needs; frozen, hashable and picklable, and its repr shows no token.

    Paths are templates below `base_url`; searches add their parameter to the query. `timeout_seconds` holds for one
    call, from connect to the last byte. `ca_bundle` is a PEM file in place of the usual certificates; verification
    itself cannot be switched off. `proxy_url` is the only proxy there is: the environment's is not looked at.
    """

    base_url: str
    token: Secret
    timeout_seconds: float = 30.0
    pool_size: int = 32
    max_response_bytes: int = 5_000_000
    headers: tuple[tuple[str, str], ...] = (("User-Agent", "ClaimXPipeline-iTel/1.0"), ("Accept", "application/json"))
    task_path: str = "/api/v1/tasks/{task_id}"
    project_path: str = "/api/v1/projects/{project_id}"
    project_search_path: str = "/api/v1/projects"
    create_task_path: str = "/api/v1/projects/{project_id}/tasks"
    task_search_path: str = "/api/v1/projects/{project_id}/tasks"
    ca_bundle: str | None = None
    proxy_url: str | None = None


def api_settings(claimx: ClaimX, token: Secret) -> ApiSettings:
    """The settings' `claimx` group as a value, with the token as it is now.

    Raises ConfigError where `claimx.ca_bundle` holds no certificates; that the token goes nowhere in clear, the
    settings themselves see to.
    """
    if claimx.ca_bundle is not None:
        _require_certificates(claimx.ca_bundle)
    return ApiSettings(
        base_url=claimx.base_url,
        token=token,
        timeout_seconds=claimx.timeout_seconds,
        pool_size=claimx.max_concurrency,
        max_response_bytes=claimx.max_response_bytes,
        headers=tuple(claimx.headers.items()),
        task_path=claimx.paths.task,
        project_path=claimx.paths.project,
        project_search_path=claimx.paths.project_search,
        create_task_path=claimx.paths.create_task,
        task_search_path=claimx.paths.task_search,
        ca_bundle=claimx.ca_bundle,
        proxy_url=claimx.proxy_url,
    )


def _require_certificates(bundle: str) -> None:
    try:
        ssl.create_default_context(cafile=bundle)
    except OSError as error:
        raise ConfigError(
            f"claimx.ca_bundle: {bundle}: {error.strerror or 'no certificates in it'}",
            cure="give a file of certificates in PEM, there on driver and executors",
        ) from None
