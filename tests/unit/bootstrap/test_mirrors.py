from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bootstrap.mirrors import for_pip, for_uv, ivy_settings, java_proxy_options
from bootstrap.report import SetupError

MIRROR = "https://mirror.example/simple"


@pytest.mark.parametrize("variable", ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"])
def test_any_index_variable_serves_pip_and_uv(variable: str) -> None:
    """A mirror of PyPI that is set for one of the two tools is used by both."""
    environment = {variable: MIRROR}
    assert for_pip(environment)["PIP_INDEX_URL"] == MIRROR
    assert for_uv(environment, pip_configuration="")["UV_DEFAULT_INDEX"] == MIRROR


def test_pips_own_configuration_reaches_uv() -> None:
    """A mirror and a certificate in pip's configuration file are handed to uv, which does not read that file."""
    configuration = f"global.cert='/etc/ssl/own.pem'\nglobal.index-url='{MIRROR}'\n"
    extra = for_uv({}, pip_configuration=configuration)
    assert extra["UV_DEFAULT_INDEX"] == MIRROR
    assert extra["SSL_CERT_FILE"] == "/etc/ssl/own.pem"


def test_variables_go_before_configuration() -> None:
    """What is set for this run wins over what is set for the machine."""
    extra = for_uv({"UV_DEFAULT_INDEX": MIRROR}, pip_configuration="global.index-url='https://other.example/simple'\n")
    assert extra["UV_DEFAULT_INDEX"] == MIRROR


def test_no_mirror_names_no_index() -> None:
    """Without a mirror both tools keep their own default; no registry is named here."""
    assert "PIP_INDEX_URL" not in for_pip({})
    assert "UV_DEFAULT_INDEX" not in for_uv({}, pip_configuration="")


def test_maven_mirror_becomes_ivys_root() -> None:
    """The mirror is the one repository that Ivy reads, characters of XML in it included."""
    text = ivy_settings({"CLAIMX_MAVEN_MIRROR": "https://mirror.example/maven?a=1&b=2"}, cache=Path("c"))
    resolvers = list(ET.fromstring(text).iter("ibiblio"))  # noqa: S314  (our own text)
    assert [resolver.get("root") for resolver in resolvers] == ["https://mirror.example/maven?a=1&b=2/"]


def test_without_a_maven_mirror_ivy_keeps_its_default() -> None:
    """No address is written where none is set."""
    assert "root=" not in ivy_settings({}, cache=Path("c"))


@pytest.mark.parametrize("mirror", ["mirror.example/maven2", "ftp://mirror.example", "https://"])
def test_a_maven_mirror_that_is_no_address_is_refused(mirror: str) -> None:
    """A mirror that Ivy could not read stops set-up before anything is fetched."""
    with pytest.raises(SetupError, match="CLAIMX_MAVEN_MIRROR is no address"):
        ivy_settings({"CLAIMX_MAVEN_MIRROR": mirror}, cache=Path("c"))


def test_proxy_variables_become_javas_properties() -> None:
    """Java is told of the proxies that pip and uv read from the environment by themselves."""
    environment = {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "localhost,.intra.example"}
    assert java_proxy_options(environment) == [
        "-Dhttps.proxyHost=proxy.example",
        "-Dhttps.proxyPort=3128",
        "-Dhttp.nonProxyHosts=localhost|*.intra.example",
    ]
    assert java_proxy_options({}) == []
