"""Pictures that may stand behind a person: a folder of JPEGs of ours, known by what is in them.

No name that a client gives reaches the file system: a picture's file is called by its hash, its title is kept beside.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from edgeseg.errors import EdgesegError, NotPermitted, UsageError
from edgeseg.frames import Size
from edgeseg.remote.picture import header, tidied

MOST_PICTURES, MOST_BYTES = 60, 100_000_000
_LONGEST_TITLE = 80


class Full(EdgesegError):
    """There is no room for another picture."""

    exit_code = 7


class NoSuchPicture(UsageError):
    """There is none of this name."""


@dataclass(frozen=True, slots=True)
class Item:
    """One picture. id: sixteen hexadecimal digits. added_at: UNIX time."""

    id: str
    title: str
    width: int
    height: int
    bytes: int
    added_at: float


class Gallery:
    """The pictures in `folder`, which is made with the first one."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, threading.Lock()
        self._items = {one.id: one for one in self._read()}
        self._thumbnails: dict[str, bytes] = {}

    def items(self) -> list[Item]:
        """All of them, the oldest first."""
        return sorted(self._items.values(), key=lambda one: one.added_at)

    def path(self, name: str) -> Path:
        """Where a picture is. Raises NoSuchPicture."""
        return self._folder / f"{self.item(name).id}.jpg"

    def item(self, name: str) -> Item:
        """One of them. Raises NoSuchPicture."""
        found = self._items.get(name)
        if found is None:
            raise NoSuchPicture(f"There is no background {name[:40]!r} in the gallery.")
        return found

    def jpeg(self, name: str) -> bytes:
        """Its bytes. Raises NoSuchPicture."""
        try:
            return self.path(name).read_bytes()
        except OSError as error:
            raise NoSuchPicture(f"The background {name!r} is gone from the disk: {error.strerror}.") from error

    def thumbnail(self, name: str, width: int) -> bytes:
        """It, small. Raises NoSuchPicture."""
        kept = self._thumbnails.get(name)
        if kept is None:
            picture = cv2.imdecode(np.frombuffer(self.jpeg(name), np.uint8), cv2.IMREAD_REDUCED_COLOR_2)
            if picture is None:
                raise NoSuchPicture(f"The background {name!r} is broken on the disk; delete it.")
            height = max(1, round(picture.shape[0] * width / picture.shape[1]))
            small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
            kept = self._thumbnails[name] = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 75])[1].tobytes()
        return kept

    def add(self, data: bytes, title: str) -> Item:
        """Take a picture in; one that is there already is that one. Raises NotAPicture, Full, NotPermitted."""
        jpeg = tidied(data)
        name = hashlib.sha256(jpeg).hexdigest()[:16]
        with self._lock:
            if name in self._items:
                return self._items[name]
            taken = sum(one.bytes for one in self._items.values())
            if len(self._items) >= MOST_PICTURES or taken + len(jpeg) > MOST_BYTES:
                most = f"{MOST_PICTURES} pictures or {MOST_BYTES // 1_000_000} MB"
                raise Full(f"The gallery is full ({most}); delete a background first.")
            size = header(jpeg).size
            item = Item(name, _title(title, size), *size, len(jpeg), round(time.time(), 3))
            with self._writing():
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o755)
                _write(self._folder / f"{name}.jpg", jpeg)
                self._keep({**self._items, name: item})
            return item

    def remove(self, name: str) -> None:
        """Delete one. Raises NoSuchPicture, NotPermitted."""
        with self._lock:
            path = self.path(name)
            with self._writing():
                self._keep({other: one for other, one in self._items.items() if other != name})
                self._thumbnails.pop(name, None)
                path.unlink(missing_ok=True)

    def _keep(self, items: dict[str, Item]) -> None:
        rows = [asdict(one) for one in items.values()]
        _write(self._folder / "titles.json", json.dumps(rows).encode())
        self._items = items

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise NotPermitted(f"The gallery in {self._folder} cannot be written: {error.strerror}.") from error

    def _read(self) -> list[Item]:
        """Those whose file is there; a list that cannot be read is made anew with the next picture."""
        try:
            rows = json.loads((self._folder / "titles.json").read_bytes())
            items = [Item(**row) for row in rows]
        except (OSError, ValueError, TypeError):
            return []
        return [one for one in items if one.id.isalnum() and (self._folder / f"{one.id}.jpg").is_file()]


def _title(title: str, size: Size) -> str:
    shown = "".join(letter for letter in title if letter.isprintable()).strip()[:_LONGEST_TITLE]
    return shown or f"picture {size}"


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    aside = path.with_suffix(".new")
    aside.write_bytes(data)
    aside.replace(path)
