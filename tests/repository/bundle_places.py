"""Where a target of the bundle is deployed and writes: apart from every other one, and in what the bundle itself makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.readers.bundle import ROOT_FILE, Bundle, Mistake, filled, values_of

VARIABLES = "variables.cluster.default.spark_env_vars"
KINDS = ("schemas", "volumes", "secret_scopes")
PREFIXED = "true is missing: mode development gives schemas a prefix that CLAIMX_WAREHOUSE does not have"


def place_mistakes(bundle: Bundle) -> Iterator[Mistake]:
    """No two targets share a place, a schema or a Pushgateway; tables, checkpoints and secrets are where the resources are."""
    if not (bundle.top.get("experimental") or {}).get("skip_name_prefix_for_schema"):
        yield Mistake(ROOT_FILE, "experimental.skip_name_prefix_for_schema", PREFIXED)
    taken: dict[str, str] = {}
    for name, target in bundle.targets.items():
        values = values_of(bundle, name)
        root_path = str(filled(target["workspace"]["root_path"], values))
        schema = filled("${var.catalog}.${var.schema}", values)
        gateway = str(filled("${var.pushgateway_url}", values))
        places = (
            ("workspace.root_path", root_path),
            ("variables.schema", schema),
            ("variables.pushgateway_url", gateway),
        )
        for where, place in places:
            if place in taken:
                yield Mistake(ROOT_FILE, f"targets.{name}.{where}", f"{place} is the target {taken[place]}'s")
            taken[place] = name
        yield from _outside(bundle, values)


def _outside(bundle: Bundle, values: dict[str, Any]) -> Iterator[Mistake]:
    environ = filled(bundle.variables["cluster"]["default"], values)["spark_env_vars"]
    made = {kind: [filled(r.values, values) for r in bundle.resources if r.kind == kind] for kind in KINDS}
    schemas = {f"{one['catalog_name']}.{one['name']}" for one in made["schemas"]}
    folders = tuple(f"/Volumes/{one['catalog_name']}/{one['schema_name']}/{one['name']}/" for one in made["volumes"])
    scopes = {one["name"] for one in made["secret_scopes"]}
    rules = (
        ("CLAIMX_WAREHOUSE", environ["CLAIMX_WAREHOUSE"] in schemas, "is no schema of the bundle"),
        ("CLAIMX_CHECKPOINTS", environ["CLAIMX_CHECKPOINTS"].startswith(folders), "is in no volume of the bundle"),
        ("CLAIMX_SECRET_SCOPE", environ.get("CLAIMX_SECRET_SCOPE") in scopes, "is no secret scope of the bundle"),
    )
    for variable, is_right, what in rules:
        if not is_right:
            yield Mistake(ROOT_FILE, f"{VARIABLES}.{variable}", f"{environ.get(variable)} {what}")
