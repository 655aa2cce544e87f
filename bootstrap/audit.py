"""Known vulnerabilities of what is locked, looked up at an advisories' service: for a nightly job, not for each change."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap.report import Finished, SetupError, run_quietly

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootstrap.layout import Layout

SERVICE, DEFAULT_SERVICE = "CLAIMX_ADVISORIES", "pypi"
AUDIT_SECONDS = 900.0
CURE = f"run it where pypi.org answers, or {SERVICE}=osv where api.osv.dev does: it belongs into a nightly job with the network"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What the service said: each vulnerability as a line, the packages it did not answer for, how many it did."""

    vulnerabilities: tuple[str, ...]
    unanswered: tuple[str, ...]
    answered: int


def audit(checkout: Layout, environ: Mapping[str, str]) -> Audit:
    """Look up every locked package, with its hash, nothing installed.

    Raises SetupError where the service answered for none of them, or not for all: pip-audit itself ends with 0 then.
    """
    with tempfile.TemporaryDirectory(prefix="claimx-audit-") as folder:
        told = Path(folder) / "audit.json"
        locks = [checkout.requirements_lock, checkout.bootstrap_lock]
        done = run_quietly(
            [str(checkout.venv / "bin" / "pip-audit"), "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
            + ["--vulnerability-service", environ.get(SERVICE, DEFAULT_SERVICE), "--format", "json", "--output", str(told)]
            + [word for lock in locks for word in ("--requirement", str(lock))],
            doing="asking the advisories' service", timeout_seconds=AUDIT_SECONDS,
        )  # fmt: skip
        return judged(told.read_text("utf-8") if told.is_file() else "", done)


def judged(text: str, done: Finished) -> Audit:
    """Read pip-audit's JSON; raises SetupError as `audit` does."""
    try:
        packages: list[dict[str, Any]] = json.loads(text)["dependencies"] or []
    except (ValueError, KeyError, TypeError):
        why = done.last_line().partition("(")[0][:100]
        raise SetupError(f"the advisories' service is out of reach ({why})", cure=CURE) from None
    found = Audit(
        vulnerabilities=tuple(_told(one, flaw) for one in packages for flaw in one.get("vulns", ())),
        unanswered=tuple(one["name"] for one in packages if "skip_reason" in one),
        answered=sum("skip_reason" not in one for one in packages),
    )
    if not found.answered:
        raise SetupError(f"the advisories' service answered for none of {len(packages)} packages", cure=CURE)
    if found.unanswered and not found.vulnerabilities:
        names = ", ".join(found.unanswered[:10])
        raise SetupError(f"not looked up: {len(found.unanswered)} of {len(packages)} packages ({names})", cure=CURE)
    return found


def _told(package: Mapping[str, Any], flaw: Mapping[str, Any]) -> str:
    mended = ", ".join(flaw.get("fix_versions") or ["none yet"])
    return f"{package['name']} {package['version']}: {flaw['id']}, mended in {mended}"
