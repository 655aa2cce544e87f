"""Where the token may go, and whom it is shown to."""

from __future__ import annotations

from pathlib import Path

import pytest

from claimx_lib.config.load import load
from claimx_lib.connectors.api_settings import api_settings
from claimx_lib.domain.secret import Secret
from claimx_lib.errors import ConfigError

FAR = "claimx.base_url=http://claimx.example:8080"


def test_the_token_goes_to_another_machine_by_https_alone() -> None:
    """http:// off this machine stops the start, in a line that names path, value and cure; unless the settings allow it."""
    with pytest.raises(ConfigError, match=r"claimx\.base_url = 'http://claimx\.example:8080': .* give its https"):
        load(sets=[FAR])
    allowed = load(sets=[FAR, "claimx.allow_plaintext=true"]).claimx
    assert api_settings(allowed, Secret("t")).base_url == "http://claimx.example:8080"


@pytest.mark.parametrize(
    "url", ["https://claimx.example", "http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:8080"]
)
def test_tls_and_this_machine_need_no_leave(url: str) -> None:
    """What nobody on the way can read is sent as it is set."""
    assert api_settings(load(sets=[f"claimx.base_url={url}"]).claimx, Secret("t")).base_url == url


def test_a_bundle_without_certificates_stops_the_start(tmp_path: Path) -> None:
    """A file that is not there, or holds none, is told with path, value and cure; none given is no bundle."""
    empty = tmp_path / "empty.pem"
    empty.touch()
    for bundle in (empty, tmp_path / "missing.pem"):
        with pytest.raises(ConfigError, match=rf"claimx\.ca_bundle: {bundle}: .* in PEM"):
            api_settings(load(sets=[f"claimx.ca_bundle={bundle}"]).claimx, Secret("t"))
    assert api_settings(load().claimx, Secret("t")).ca_bundle is None
