"""What every page of the console is handed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.console.security import Gate
from claimx_lib.domain.api import ClaimXApi
from claimx_lib.domain.clock import Clock
from claimx_lib.operations.decisions import Decisions

if TYPE_CHECKING:
    from claimx_lib.config.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Settings, tables, ClaimX, time and the gate; `api` opens a client, with the token as it is then."""

    settings: Settings
    tables: DeltaSql
    gate: Gate
    clock: Clock
    api: Callable[[], ClaimXApi]
    decisions: Decisions
