"""How a company's mirrors, proxies and certificates reach pip, uv and Ivy: by variable, none named in the repository.

| variable | for |
|---|---|
| `UV_DEFAULT_INDEX`, `UV_INDEX_URL`, `PIP_INDEX_URL`, or pip's own configuration | a mirror of PyPI |
| `CLAIMX_MAVEN_MIRROR` | a mirror of Maven Central, any address that Ivy reads (file: too) |
| `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY` | a proxy, for all three |
| `SSL_CERT_FILE`, `PIP_CERT` | a certificate authority of one's own, for pip and uv |
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.sax.saxutils import quoteattr

from bootstrap.report import SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PIP_SETTING = re.compile(r"^(?:global|install|:env:)\.(index-url|extra-index-url|cert)='(.*)'$", re.MULTILINE)


def for_pip(environment: Mapping[str, str]) -> dict[str, str]:
    """What pip is to see beyond the environment: uv's mirror where only that is set, and no chatter."""
    extra = {
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PIP_NO_PYTHON_VERSION_WARNING": "1",
    }
    index = _first(environment, "PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
    if index:
        extra["PIP_INDEX_URL"] = index
    extra.setdefault("PIP_RETRIES", environment.get("PIP_RETRIES", "2"))
    return extra


def for_uv(environment: Mapping[str, str], *, pip_configuration: str) -> dict[str, str]:
    """What uv is to see beyond the environment: pip's mirror and certificates, which uv does not read by itself.

    `pip_configuration` is what `pip config list` prints; variables go before it, uv's own before pip's.
    """
    configured = dict(_PIP_SETTING.findall(pip_configuration))
    extra = {"VIRTUAL_ENV": "", "UV_NO_PROGRESS": "1"}
    index = _first(environment, "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL") or configured.get("index-url")
    if index:
        extra["UV_DEFAULT_INDEX"] = index
    more = _first(environment, "UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL") or configured.get(
        "extra-index-url"
    )
    if more:
        extra["UV_INDEX"] = " ".join(more.replace("\\n", " ").split())  # pip prints the lines of its file so
        extra["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # as pip does; each file is held to its hash
    certificates = _first(environment, "SSL_CERT_FILE", "PIP_CERT") or configured.get("cert")
    if certificates:
        extra["SSL_CERT_FILE"] = certificates
    return extra


def ivy_settings(environment: Mapping[str, str], *, cache: Path) -> str:
    """Ivy settings that read one repository in Maven's layout: the mirror of `CLAIMX_MAVEN_MIRROR`, else Ivy's default.

    No POM is read: the lock names each jar, so nothing is left to resolve.
    Raises SetupError when the mirror is no address.
    """
    mirror = environment.get("CLAIMX_MAVEN_MIRROR", "").strip()
    root = f" root={quoteattr(_checked(mirror))}" if mirror else ""
    return f"""<ivysettings>
  <settings defaultResolver="maven"/>
  <caches defaultCacheDir={quoteattr(str(cache))}/>
  <resolvers>
    <ibiblio name="maven" m2compatible="true" usepoms="false"{root}/>
  </resolvers>
</ivysettings>
"""


def java_proxy_options(environment: Mapping[str, str]) -> list[str]:
    """The proxy variables as Java's system properties, which is all that Java looks at."""
    options: list[str] = []
    for scheme in ("http", "https"):
        address = _first(environment, f"{scheme}_proxy", f"{scheme.upper()}_PROXY")
        parts = urlsplit(address) if address else None
        if parts and parts.hostname:
            options.append(f"-D{scheme}.proxyHost={parts.hostname}")
            options.append(f"-D{scheme}.proxyPort={parts.port or 80}")
    bypass = _first(environment, "no_proxy", "NO_PROXY")
    if options and bypass:
        hosts = (host.strip() for host in bypass.split(","))
        patterns = "|".join(f"*{host}" if host.startswith(".") else host for host in hosts if host)
        options.append(f"-Dhttp.nonProxyHosts={patterns}")
    return options


def _checked(mirror: str) -> str:
    parts = urlsplit(mirror)
    if parts.scheme not in ("http", "https", "file") or not (parts.netloc or parts.path):
        raise SetupError(
            f"CLAIMX_MAVEN_MIRROR is no address: {mirror!r}",
            cure="set it to the root of a repository in Maven's layout, such as https://mirror.example/maven2/",
        )
    return mirror if mirror.endswith("/") else mirror + "/"


def _first(environment: Mapping[str, str], *names: str) -> str:
    return next((environment[name] for name in names if environment.get(name)), "")
