"""The claim key in SQL, in words that Spark and DataFusion read alike."""

from __future__ import annotations

from claimx_lib.domain.claim_number import LOWER_LETTERS, UPPER_LETTERS

CLAIM_KEY = f"trim(LEADING '0' FROM replace(translate(claim_number, '{LOWER_LETTERS}', '{UPPER_LETTERS}'), '-', ''))"
"""`domain.claim_number.claim_key` of the column claim_number; upper() would make SS of ß, and I of the dotless i."""
