"""ClaimX's token as a running job has it."""

from __future__ import annotations

from claimx_lib.config.claimx import ClaimX
from claimx_lib.config.secrets import read_secret
from claimx_lib.domain.secret import Secret
from claimx_lib.errors import ConfigError
from claimx_lib.observability.logs import logger


def token_now(claimx: ClaimX, last: Secret | None, *, job: str) -> Secret:
    """The token as it is now, or the last one, with a warning, while its place is empty: a file that is just being written.

    Raises ConfigError naming the setting where there was none before.
    """
    try:
        return read_secret(claimx.token, path="claimx.token")
    except ConfigError as error:
        if last is None:
            raise
        logger(job=job).warning("the ClaimX token can't be read: the last one is used", error=str(error))
        return last
