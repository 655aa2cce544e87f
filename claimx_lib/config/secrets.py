"""References to secrets: a setting names where a secret is, never the secret."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field, model_validator

from claimx_lib.config.model import Model
from claimx_lib.domain.secret import Secret
from claimx_lib.errors import ConfigError


class SecretReference(Model):
    """Exactly one place: an environment variable, a file, or a Databricks secret scope and key."""

    env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")
    file: str | None = None
    scope: str | None = None
    key: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> SecretReference:
        named = [self.env is not None, self.file is not None, self.scope is not None]
        if sum(named) != 1 or (self.scope is None) != (self.key is None):
            raise ValueError("name one place: {env: NAME}, {file: PATH} or {scope: S, key: K}")
        return self


def read_secret(reference: SecretReference, *, path: str) -> Secret:
    """Return the secret as it is now, read anew at each call, so that a rotated one is found.

    Raises ConfigError naming the setting `path` where the place is empty.
    """
    value = _read(reference, path).strip()
    if not value:
        raise ConfigError(f"{path}: {_place(reference)} is not set or empty", cure=f"set it to the secret for {path}")
    return Secret(value)


@contextmanager
def secrets_kept_back(settings: Model) -> Iterator[None]:
    """No variable that holds a secret of these settings is in the environment while the block runs: what is started
    in it does not inherit them.
    """
    held = {name: os.environ.pop(name) for name in set(_variables(settings)) if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(held)


def _variables(settings: Model) -> Iterator[str]:
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretReference):
            yield from [value.env] if value.env is not None else []
        elif isinstance(value, Model):
            yield from _variables(value)


def _read(reference: SecretReference, path: str) -> str:
    if reference.env is not None:
        return os.environ.get(reference.env, "")
    if reference.file is not None:
        return _from_file(Path(reference.file), path)
    return _from_scope(reference, path)


def _from_file(file: Path, path: str) -> str:
    try:
        return file.read_text("utf-8") if file.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "no text in UTF-8"
        raise ConfigError(f"{path}: file {file}: {why}", cure="make it a text that who runs this may read") from None


def _from_scope(reference: SecretReference, path: str) -> str:
    try:
        from databricks.sdk.runtime import dbutils  # only there on Databricks
    except ImportError:
        raise ConfigError(
            f"{path}: {_place(reference)} is in a Databricks secret scope, and this is no Databricks",
            cure=f"name another place: --set '{path}={{env: NAME}}' or '{path}={{file: PATH}}'",
        ) from None
    try:
        return str(dbutils.secrets.get(scope=reference.scope, key=reference.key))
    except Exception as error:  # noqa: BLE001  (the runtime raises what it likes, and the text may say too much)
        raise ConfigError(
            f"{path}: {_place(reference)} cannot be read ({type(error).__name__})",
            cure="create it there, and give who runs this READ on the scope",
        ) from None


def _place(reference: SecretReference) -> str:
    if reference.env is not None:
        return f"environment variable {reference.env}"
    if reference.file is not None:
        return f"file {reference.file}"
    return f"secret {reference.scope}/{reference.key}"
