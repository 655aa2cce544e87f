"""What is remembered of an erased person: a salted hash of an id, enough to know it again and to know nothing else."""

from __future__ import annotations

import hashlib
from enum import StrEnum

from claimx_lib.domain.claim_number import claim_key


class Kind(StrEnum):
    """What an erased id names."""

    CLAIM = "claim"
    PROJECT = "project"


def erased_id(salt: str, kind: Kind, value: str) -> str:
    """The hex SHA-256 that stands for an id; every spelling of a claim number has the same.

    Its twin for columns is `transforms.erasure`.
    """
    known_as = claim_key(value) if kind is Kind.CLAIM else value
    return hashlib.sha256(f"{salt}|{kind}|{known_as}".encode()).hexdigest()
