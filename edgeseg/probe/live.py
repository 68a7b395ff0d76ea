"""What no file tells: asked of this interpreter and of the kernel. In a saved board it is one file, `LIVE`.

That file comes from somebody else's machine, so that what is in it is believed only if it has the right form.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from edgeseg.probe.capabilities import Mode
from edgeseg.probe.fact import Fact, Note
from edgeseg.probe.tree import Tree
from edgeseg.probe.v4l2_formats import modes_of

LIVE = "/edgeseg-probe.json"
_PACKAGES = (
    *(
        "edgeseg",
        "ai-edge-litert",
        "tflite-runtime",
        "numpy",
        "opencv-python-headless",
        "opencv-python",
        "av",
        "picamera2",
    ),
    "ai-edge-litert-sdk-intel",
)


@dataclass(frozen=True, slots=True)
class Live:
    """Answers that are not in files. modes: of video nodes, by their path."""

    machine: str | None = None
    bits: int | None = None
    page_kb: int | None = None
    libc: str | None = None
    python: str | None = None
    packages: dict[str, str] = field(default_factory=dict)
    modes: dict[str, tuple[Mode, ...]] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    def fact(self, name: str, where: str) -> Fact[Any] | None:
        """One of the answers, with who gave it."""
        value = getattr(self, name)
        return None if value is None else Fact(value, where)


def measure(nodes: Iterable[str]) -> Live:
    """Ask this machine."""
    from importlib import metadata  # as long to import as all of the probe, and sensors do not need it

    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    asked = {node: modes_of(node) for node in nodes}
    return Live(
        machine=os.uname().machine,
        bits=struct.calcsize("P") * 8,
        page_kb=os.sysconf("SC_PAGE_SIZE") // 1024,
        libc=_libc(),
        python=".".join(map(str, sys.version_info[:3])),
        packages=packages,
        modes={node: modes for node, modes in asked.items() if modes is not None},
    )


def to_json(live: Live, left_out: str) -> bytes:
    """As it lies in a saved board."""
    return json.dumps({**asdict(live), "left_out": left_out}, indent=1).encode()


def of_tree(tree: Tree) -> Live:
    """The answers in a saved board; in a tree that has none, nothing."""
    text = tree.text(LIVE)
    if text is None:
        return Live()
    try:
        said = json.loads(text)
        return Live(
            machine=_word(said.get("machine")),
            bits=_number(said.get("bits"), 128),
            page_kb=_number(said.get("page_kb"), 1 << 20),
            libc=_word(said.get("libc")),
            python=_word(said.get("python")),
            packages={name: _must(_word(version)) for name, version in said.get("packages", {}).items() if _word(name)},
            modes={node: tuple(map(_mode, modes)) for node, modes in said.get("modes", {}).items()},
            notes=tuple(Note(_must(_word(note["where"])), _must(_word(note["why"]))) for note in said.get("notes", [])),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        tree.note(LIVE, "is not what edgeseg probe --save writes")
        return Live()


def _libc() -> str | None:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (OSError, ValueError):
        return None


def _word(value: Any) -> str | None:
    fits = isinstance(value, str) and 0 < len(value) <= 500 and value.isprintable()
    return value if fits else None


def _number(value: Any, most: int) -> int | None:
    return value if type(value) is int and 0 < value <= most else None


def _must(value: str | None) -> str:
    if value is None:
        raise ValueError
    return value


def _mode(said: Any) -> Mode:
    width, height = (_number(said[name], 1 << 16) for name in ("width", "height"))
    fps = said["fps"]
    if width is None or height is None or not (fps is None or (type(fps) in (int, float) and 0 < fps < 1e6)):
        raise ValueError
    return Mode(_must(_word(said["format"])), width, height, fps)
