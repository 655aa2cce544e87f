"""Asks ClaimX what the jobs will ask, without changing anything: a wrong API is not a missing project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claimx_lib.config.secrets import read_secret
from claimx_lib.connectors.api_settings import api_settings
from claimx_lib.connectors.claimx_api import RequestsClaimX
from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.domain import api_pages
from claimx_lib.domain.api import ApiAnswer, ApiOutcome, ClaimXApi
from claimx_lib.errors import ClaimxError, TableError

if TYPE_CHECKING:
    from claimx_lib.config.settings import Settings

NO_CLAIM = "CLAIMX-DOCTOR-NO-SUCH-CLAIM"
NO_REFERENCE = "claimx-doctor-no-such-reference"
NO_PROJECT = "0"
CURES = {
    ApiOutcome.UNAUTHORIZED: "put a valid token where claimx.token says",
    ApiOutcome.FORBIDDEN: "give the token's owner the right to read projects and tasks",
    ApiOutcome.NOT_SENT: "check claimx.base_url (CLAIMX_API_BASE_URL) and the network",
    ApiOutcome.BAD_BODY: "check claimx.base_url and claimx.paths: what answers there is not this API",
    ApiOutcome.ODD_BODY: "check claimx.base_url and claimx.paths: what answers there is not this API",
    ApiOutcome.RATE_LIMITED: "lower claimx.requests_per_second",
}
PROBE_SECONDS = 5.0
KNOWN = "SELECT claim_number, project_id FROM t WHERE claim_number IS NOT NULL ORDER BY event_timestamp DESC LIMIT 1"


def probe_api(settings: Settings) -> str:
    """Return what both searches answered; ClaimxError where one fails, ignores its filter or misses a known project."""
    claimx = settings.claimx.model_copy(update={"timeout_seconds": min(settings.claimx.timeout_seconds, PROBE_SECONDS)})
    token = read_secret(claimx.token, path="claimx.token")
    client = RequestsClaimX(api_settings(claimx, token))
    try:
        _probe_projects(client, settings)
        _probe_tasks(client, settings)
        return f"{claimx.base_url}: both searches answer{_probe_known(client, settings)}"
    finally:
        client.close()


def _probe_projects(client: ClaimXApi, settings: Settings) -> None:
    answer = client.find_projects(NO_CLAIM).answer
    _require_answer(answer, settings)
    found = api_pages.project_objects(api_pages.parsed(answer.body)) if answer.is_ok and answer.body else None
    if found:
        raise ClaimxError(
            f"{settings.claimx.paths.project_search}: the search ignores claim_number, it listed {len(found)} projects for none",
            cure="check claimx.paths.project_search: each look-up would read every project",
        )


def _probe_tasks(client: ClaimXApi, settings: Settings) -> None:
    if settings.claimx.supports_external_reference:
        _require_answer(client.find_tasks(NO_PROJECT, NO_REFERENCE).answer, settings)


def _probe_known(client: ClaimXApi, settings: Settings) -> str:
    """A project that ClaimX itself has told of must be found by its claim number: 404 for all is a wrong path."""
    sql = DeltaSql(root=settings.storage.warehouse)
    try:
        known = sql.rows(KNOWN, "claimx_projects")
    except TableError:  # in a catalog: nothing can be looked up from here
        return ""
    if not known:
        return ""
    search = client.find_projects(known[0]["claim_number"])
    if known[0]["project_id"] not in search.project_ids:
        raise ClaimxError(
            f"{settings.claimx.paths.project_search}: project {known[0]['project_id']} of claimx_projects is not found by its claim number",
            cure="check claimx.base_url and claimx.paths: another ClaimX, or another search, would dead-letter every claim",
        )
    return ", a known project is found by its claim number"


def _require_answer(answer: ApiAnswer, settings: Settings) -> None:
    if not (answer.is_ok or answer.kind is ApiOutcome.NOT_FOUND):
        raise ClaimxError(
            f"{settings.claimx.base_url}: {answer.error}", cure=CURES.get(answer.kind, "ask who runs ClaimX")
        )
