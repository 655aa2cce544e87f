"""Answers that a server compresses although nobody asked it to."""

from __future__ import annotations

import gzip
import zlib

import pytest

from claimx_lib.connectors.http import CUT_SHORT, TOO_LARGE, Exchange, unpacked
from claimx_lib.domain.api import ApiOutcome

BODY = b'{"id": 1}'


def answered(body: bytes, status: int = 200) -> Exchange:
    return Exchange(status=status, body=body)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(BODY, None), (BODY, "identity"), (gzip.compress(BODY, mtime=0), "gzip"), (gzip.compress(BODY, mtime=0), " X-GZIP"),
     (gzip.compress(BODY[:4], mtime=0) + gzip.compress(BODY[4:], mtime=0) + b"\0\0", "gzip"),
     (zlib.compress(BODY), "deflate"), (zlib.compress(BODY)[2:-4], "deflate"), (b"", "gzip")],
)  # fmt: skip
def test_a_compressed_body_is_read_as_it_was(body: bytes, encoding: str | None) -> None:
    """Gzip (of several members too) and deflate (without zlib's frame too) are undone; a body without an encoding, or an empty one, stays as it is."""
    assert unpacked(answered(body), encoding, most_bytes=100).body == (BODY if body else b"")


def test_what_unpacks_to_too_much_is_too_large() -> None:
    """A small answer that would fill the memory is not unpacked beyond the allowed bytes."""
    assert unpacked(answered(gzip.compress(b"x" * 10_000_000, mtime=0)), "gzip", most_bytes=100) == TOO_LARGE
    assert unpacked(answered(gzip.compress(b"x" * 60, mtime=0) * 2), "gzip", most_bytes=100) == TOO_LARGE
    assert unpacked(answered(gzip.compress(b"", mtime=0) * 10_000), "gzip", most_bytes=100) == TOO_LARGE


def test_a_compressed_body_that_ends_early_is_cut_short() -> None:
    """Half a gzip stream is no whole answer."""
    assert unpacked(answered(gzip.compress(BODY, mtime=0)[:-9]), "gzip", most_bytes=100) == CUT_SHORT


@pytest.mark.parametrize(("body", "encoding"), [(BODY, "gzip"), (BODY, "br")])
def test_a_success_in_another_encoding_is_a_bad_body(body: bytes, encoding: str) -> None:
    """What cannot be unpacked is no answer; an error's status is one, whatever its body."""
    assert unpacked(answered(body), encoding, most_bytes=100).failure is ApiOutcome.BAD_BODY
    assert unpacked(answered(body, 404), encoding, most_bytes=100).status == 404
