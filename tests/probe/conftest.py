"""Small boards made for a test: files by their paths, below a folder of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from edgeseg.probe.tree import Tree

Make = Callable[[Mapping[str, "str | bytes"]], Tree]


@pytest.fixture
def board(tmp_path: Path) -> Make:
    """board({"/proc/meminfo": "..."}) -> the tree; a path that ends in / is a folder, "-> TARGET" a link."""
    root = tmp_path / "root"
    root.mkdir()

    def make(files: Mapping[str, str | bytes]) -> Tree:
        for name, content in files.items():
            path = root / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("/"):
                path.mkdir(exist_ok=True)
            elif isinstance(content, str) and content.startswith("-> "):
                path.symlink_to(content.removeprefix("-> "))
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return Tree(root)

    return make


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where `board` puts its files."""
    return tmp_path / "root"
