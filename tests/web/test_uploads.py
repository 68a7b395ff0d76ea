"""Pictures from strangers: taken in as pictures of ours, or refused in words; never a crash, nor all the memory."""

from __future__ import annotations

import io
import os
import random
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from paging import Paging, no_rate_limit, paging, picture

from edgeseg.errors import UsageError
from edgeseg.frames import Size
from edgeseg.remote import gallery as galleries
from edgeseg.remote import picture as pictures
from edgeseg.remote.gallery import Full, Gallery
from edgeseg.remote.picture import KEPT, NotAPicture, header, tidied

URL = "/api/v1/backgrounds"


@pytest.fixture(scope="module")
def one() -> Iterator[Paging]:
    with pytest.MonkeyPatch.context() as patch:
        no_rate_limit(patch)
        with paging() as made:
            yield made


def encoded(kind: str, width: int = 320, height: int = 180, seed: int = 0) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    done, data = cv2.imencode(f".{kind}", cv2.resize(noise, (width, height)))
    assert done
    return bytes(data)


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is so large, and has next to nothing in it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(min(width * 3 + 1, 4096) * min(height, 4096)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def bomb(side: int = 30_000) -> bytes:
    """A true PNG of `side` squared black pixels, in a few hundred kilobytes."""
    squeeze = zlib.compressobj(9)
    row = bytes(side // 8 + 1)
    body = b"".join(squeeze.compress(row * 100) for _ in range(side // 100)) + squeeze.flush()

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    ihdr = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def webp_header(width: int, height: int) -> bytes:
    body = (
        b"VP8X"
        + struct.pack("<I", 10)
        + b"\0\0\0\0"
        + struct.pack("<I", width - 1)[:3]
        + struct.pack("<I", height - 1)[:3]
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def jpeg_of_two_frames() -> bytes:
    """The first header is small, a second one says 60000 squared."""
    plain = encoded("jpg")
    at = plain.index(b"\xff\xc0")
    second = b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", 60_000, 60_000) + b"\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"
    return plain[:at] + plain[at : at + 19] + second + plain[at + 19 :]


@pytest.mark.parametrize(("kind", "size"), [("jpg", (320, 180)), ("png", (320, 180)), ("webp", (321, 179))])
def test_a_picture_is_taken_in_shown_and_deleted(one: Paging, kind: str, size: tuple[int, int]) -> None:
    answer = one.client.post(URL, params={"title": f"the beach {kind}"}, content=encoded(kind, *size, seed=len(kind)))
    assert answer.status_code == 201, answer.text
    item = answer.json()
    assert (item["title"], item["width"], item["height"], item["is_used"]) == (f"the beach {kind}", *size, False)
    assert picture(one.client.get(item["url"]).content).shape == (size[1], size[0], 3)
    assert picture(one.client.get(item["thumbnail"]).content).shape[1] == 320
    changed = one.client.patch("/api/v1/settings", json={"background": item["id"]})
    assert changed.json()["settings"]["mode"] == "image"
    in_use = one.client.delete(item["url"])
    assert (in_use.status_code, in_use.json()["type"]) == (409, "urn:edgeseg:in-use")
    one.client.patch("/api/v1/settings", json={"mode": "color"})
    assert one.client.delete(item["url"]).status_code == 204
    assert one.client.get(item["url"]).status_code == 404
    assert item["id"] not in {each["id"] for each in one.client.get(URL).json()}


def test_the_picture_stands_behind_the_person(one: Paging) -> None:
    plain = np.full((180, 320, 3), (10, 200, 30), np.uint8)
    item = one.client.post(URL, content=cv2.imencode(".png", plain)[1].tobytes()).json()
    one.client.patch("/api/v1/settings", json={"background": item["id"]})
    shown = one.snapshot()
    assert np.median(shown[4:24, 4:24].reshape(-1, 3), axis=0) == pytest.approx([10, 200, 30], abs=8)
    one.client.patch("/api/v1/settings", json={"mode": "color"})
    one.client.delete(item["url"])


def test_what_is_kept_has_nothing_else_in_it() -> None:
    data = encoded("jpg")
    kept = tidied(data[:2] + b"\xff\xe1\x00\x12Exif\0\0secret-gps" + data[2:] + b"<script>alert(1)</script>PK\x03\x04")
    assert b"secret" not in kept
    assert b"script" not in kept
    assert header(kept).size == Size(320, 180)


def test_a_large_picture_is_made_smaller() -> None:
    assert header(tidied(encoded("jpg", 4000, 1000))).size == Size(2560, 640)
    assert Size(2560, 1440) == KEPT


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (bomb(), 413), (png_header(65_000, 65_000), 413), (png_header(2_000_000_000, 2_000_000_000), 413),
        (webp_header(16_000_000, 2), 413), (jpeg_of_two_frames(), 413), (b"\xff\xd8\xff\xe0" + b"\0" * 100, 415),
        (png_header(0, 5), 415), (b"", 415), (b"GIF89a" + b"\0" * 50, 415), (b"<svg xmlns='x'/>", 415),
        (b"%PDF-1.4", 415), (b"#!/bin/sh\n", 415), (b"\x89PNG\r\n\x1a\n", 415), (b"RIFF\0\0\0\0WEBP", 415),
        (b"BM" + b"\0" * 60, 415), (b"II*\0" + b"\0" * 60, 415), (b"P6 90000 90000 255\n", 415),
    ],
)  # fmt: skip
def test_bombs_and_what_is_no_picture_are_refused_before_decoding(
    one: Paging, data: bytes, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures.subprocess, "run", lambda *parts, **more: pytest.fail("it was decoded"))
    answer = one.client.post(URL, content=data)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]


def test_a_header_that_lies_is_found_out(one: Paging) -> None:
    answer = one.client.post(URL, content=png_header(4000, 4000))
    assert (answer.status_code, answer.json()["type"]) == (415, "urn:edgeseg:no-picture")


def fuzzed(seed: int) -> bytes:
    """A picture with something done to it: cut, bits turned, chunks doubled, another file before, behind or inside."""
    chance = random.Random(seed)
    data = bytearray(encoded(chance.choice(["jpg", "png", "webp"]), 64 + 8 * chance.randrange(8), 64, seed))
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(data))
        way = chance.randrange(6)
        if way == 0:
            del data[at:]
        elif way == 1:
            for _ in range(chance.randrange(1, 40)):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        elif way == 2:
            data[at:at] = data[at // 2 : at]
        elif way == 3:
            data[at:at] = chance.choice(
                [b"PK\x03\x04", b"<?php ?>", b"%PDF-1.5", b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff"]
            )
        elif way == 4:
            data[:0] = chance.choice([b"GIF89a", b"BM", b"\0" * 5, b"<html>"])
        else:
            at = chance.randrange(min(40, len(data)))
            data[at : at + 4] = chance.randbytes(4)
        if not data:
            data = bytearray(b"\xff")
    return bytes(data)


def test_fuzzed_uploads(one: Paging) -> None:
    """Each is a picture of ours afterwards, or a clear 4xx; the run goes on, and its memory stays.

    Two hundred with EDGESEG_SYSTEM=1, for each that gets past the header is decoded in a process of its own.
    """
    count = 200 if os.environ.get("EDGESEG_SYSTEM") else 12
    process = psutil.Process()
    before_mb = process.memory_info().rss / 1e6
    codes: dict[int, int] = {}
    for seed in range(count):
        answer = one.client.post(URL, content=fuzzed(seed))
        codes[answer.status_code] = codes.get(answer.status_code, 0) + 1
        if answer.status_code == 201:
            one.client.delete(answer.json()["url"])
        else:
            assert answer.status_code in (413, 415), (seed, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
    assert codes.keys() <= {201, 413, 415}
    assert codes[415] > count // 4
    assert process.memory_info().rss / 1e6 < before_mb + 60
    shown = one.run.runtime.shown
    assert one.client.get("/readyz").status_code == 200
    assert one.run.runtime.shown > shown - 1


def test_the_gallery_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(galleries, "MOST_PICTURES", 1)
    kept = Gallery(tmp_path / "pictures")
    first = kept.add(encoded("png"), "a\nb\x1b[31m" + "long" * 100)
    assert first.title == ("ab[31m" + "long" * 100)[:80]
    assert kept.add(encoded("png"), "the same again") == first
    with pytest.raises(Full, match="is full"):
        kept.add(encoded("png", seed=1), "")
    assert [one.id for one in Gallery(tmp_path / "pictures").items()] == [first.id]
    (tmp_path / "pictures" / "titles.json").write_text("[{")
    assert Gallery(tmp_path / "pictures").items() == []


def test_names_reach_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(encoded("jpg"))
    kept = Gallery(tmp_path / "pictures")
    for name in ("../secret", "secret", "/etc/passwd", "..", "", "\0"):
        with pytest.raises(UsageError):
            kept.jpeg(name)


def test_too_many_bytes_are_too_many() -> None:
    with pytest.raises(NotAPicture, match="at most 12 are taken") as refused:
        tidied(io.BytesIO(b"\xff\xd8\xff" + b"\0" * 12_000_001).getvalue())
    assert refused.value.too_large
