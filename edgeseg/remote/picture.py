"""A stranger's picture made one of ours: looked over by its header, decoded in a process of its own, encoded anew.

The header is believed only to refuse: what a decoder makes of a picture whose header lies is bounded by the memory and
the time that its process may take, and what it finds is measured again.
"""

from __future__ import annotations

import subprocess
import sys
from typing import NamedTuple, cast

from edgeseg.errors import UsageError
from edgeseg.frames import U8, Size

MOST_BYTES = 12_000_000
MOST_PIXELS, LONGEST_SIDE = 40_000_000, 12_000
KEPT = Size(2560, 1440)  # what is kept is no larger: no frame of ours is
_SECONDS, _MEMORY = 10, 1_000_000_000  # address space, most of which are libraries
_FRAMES = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))  # SOFn


class NotAPicture(UsageError):
    """These bytes are no picture that is taken; too_large: because there is too much of it."""

    def __init__(self, why: str, too_large: bool = False) -> None:
        super().__init__(why)
        self.too_large = too_large


class Header(NamedTuple):
    """kind: jpeg, png or webp."""

    kind: str
    size: Size


def header(data: bytes) -> Header:
    """What the picture says of itself; reads JPEG (ITU-T T.81, B.2), PNG (its IHDR) and WebP (RFC 9649).

    Raises NotAPicture for anything else, a broken header and a size that nobody needs.
    """
    if data[:3] == b"\xff\xd8\xff":
        found = Header("jpeg", _of_jpeg(data))
    elif data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR" and len(data) >= 24:
        found = Header("png", Size(_big(data, 16, 4), _big(data, 20, 4)))
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP" and len(data) >= 30:
        found = Header("webp", _of_webp(data))
    else:
        raise NotAPicture("This is no JPEG, PNG or WebP picture.")
    size = found.size
    if min(size) < 1:
        raise NotAPicture(f"This {found.kind.upper()} says of itself that it is {size}; it is broken.")
    if max(size) > LONGEST_SIDE or size.width * size.height > MOST_PIXELS:
        most = f"{MOST_PIXELS // 1_000_000} million pixels and {LONGEST_SIDE} a side"
        raise NotAPicture(f"The picture is {size}; at most {most} are taken: make it smaller.", too_large=True)
    return found


def tidied(data: bytes) -> bytes:
    """The picture as a JPEG of ours, upright, without what else was in the file, no larger than KEPT.

    Raises NotAPicture.
    """
    if len(data) > MOST_BYTES:
        raise NotAPicture(
            f"The picture has {len(data) / 1e6:.1f} MB; at most {MOST_BYTES / 1e6:.0f} are taken.", too_large=True
        )
    kind = header(data).kind.upper()
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__], input=data, capture_output=True, timeout=2 * _SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NotAPicture(f"This {kind} takes too long to decode.") from error
    if done.returncode or not done.stdout.startswith(b"\xff\xd8"):
        raise NotAPicture(f"This {kind} cannot be decoded; it is broken, or no picture inside.")
    return done.stdout


def _big(data: bytes, at: int, count: int) -> int:
    return int.from_bytes(data[at : at + count], "big")


def _little(data: bytes, at: int, count: int) -> int:
    return int.from_bytes(data[at : at + count], "little")


def _of_jpeg(data: bytes) -> Size:
    """The largest frame that any header in it announces: a decoder may take either of two."""
    at, largest = 2, Size(0, 0)
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill
            at += 1
            continue
        if marker == 0xDA:  # the scan: entropy-coded from here
            break
        if marker in _FRAMES and at + 9 <= len(data):
            found = Size(_big(data, at + 7, 2), _big(data, at + 5, 2))
            largest = max(largest, found, key=lambda size: size.width * size.height)
        at += 2 + _big(data, at + 2, 2) if not 0xD0 <= marker <= 0xD9 else 2
    return largest


def _of_webp(data: bytes) -> Size:
    chunk = data[12:16]
    if chunk == b"VP8X":
        return Size(_little(data, 24, 3) + 1, _little(data, 27, 3) + 1)
    if chunk == b"VP8L" and data[20] == 0x2F:
        bits = _little(data, 21, 4)
        return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        return Size(_little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF)
    return Size(0, 0)


def _decode() -> int:
    """The process's body: a picture from stdin, a JPEG to stdout; 1 if it cannot be."""
    import resource

    import cv2
    import numpy as np

    from edgeseg.stages.pixels import decode_bgr

    data = np.frombuffer(sys.stdin.buffer.read(MOST_BYTES + 1), np.uint8)
    cv2.setNumThreads(1)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        picture = decode_bgr(data)
        if picture is None or picture.ndim != 3 or picture.shape[0] * picture.shape[1] > MOST_PIXELS:
            return 1
        height, width = picture.shape[:2]
        scale = min(1.0, KEPT.width / width, KEPT.height / height)
        if scale < 1:
            size = max(1, round(width * scale)), max(1, round(height * scale))
            picture = cast(U8, cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
        done, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
    except (cv2.error, MemoryError):
        return 1
    if done:
        sys.stdout.buffer.write(jpeg.tobytes())
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(_decode())
