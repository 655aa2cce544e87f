"""The base of every settings model: frozen, and no key that it does not know."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Seconds = Annotated[float, Field(ge=0)]
PositiveSeconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
PositiveCount = Annotated[int, Field(ge=1)]
PerSecond = Annotated[float, Field(gt=0)]
Port = Annotated[int, Field(ge=0, le=65535)]
TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]


class Model(BaseModel):
    """A group of settings: immutable once read; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def wrong(loc: tuple[str, ...], value: object, message: str) -> ValidationError:
    """Return a finding on the setting at `loc`, below the model or field whose validator raises it."""
    said = PydanticCustomError("wrong", "{message}", {"message": message})
    return ValidationError.from_exception_data("settings", [InitErrorDetails(type=said, loc=loc, input=value)])
