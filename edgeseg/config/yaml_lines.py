"""YAML files whose values remember their line, so that every complaint can say file:line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from edgeseg.errors import ConfigError, NotPermitted

Loc = Sequence[int | str]
Where = Callable[[Loc], str]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a file may be. values, depth: with its aliases written out, as a few lines of them can fill memory."""

    bytes: int
    values: int
    depth: int


LISTS = Bounds(bytes=32_000_000, values=2_000_000, depth=100)  # files with a row for each of many pictures
SETTINGS = Bounds(bytes=64_000, values=4_000, depth=12)  # files that people write by hand


def load(path: Path, bounds: Bounds = LISTS) -> tuple[Any, Where]:
    """Read one YAML document: its data, of plain types, and `where(loc)`, which gives "file:line".

    `loc` is a path of keys and indices, as pydantic gives it. Where it leads to nothing (a key that is missing), the
    line is that of the nearest thing around it. An empty file is None.

    Raises ConfigError if there is no such file, if it is not YAML, if it is beyond `bounds`, or if a mapping has a key
    twice (YAML forbids it, PyYAML takes the last one in silence); NotPermitted if it may not be read.
    """
    text = _content(path, bounds)
    loader: yaml.SafeLoader | None = None
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        _refuse_bomb(root, path, bounds)
        _refuse_double_keys(root, path)
        data = None if root is None else loader.construct_document(root)
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(_not_yaml(path, error)) from error
    except RecursionError as error:
        raise ConfigError(f"{path} is nested too deeply to be read.") from error
    finally:
        if loader is not None:
            loader.dispose()

    def where(loc: Loc) -> str:
        return f"{path}:{_line(root, loc)}"

    return data, where


def _content(path: Path, bounds: Bounds) -> bytes:
    try:
        with path.open("rb") as file:  # a device may never end: no more is read than is allowed
            text = file.read(bounds.bytes + 1)
    except PermissionError as error:
        raise NotPermitted(f"{path} may not be read: {error.strerror}.") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ConfigError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    if len(text) > bounds.bytes:
        raise ConfigError(f"{path} has more than {bounds.bytes} bytes, which is too long for what it is.")
    return text


def _refuse_bomb(root: yaml.Node | None, path: Path, bounds: Bounds) -> None:
    """Raise ConfigError if what `root` means is larger than allowed, or holds itself."""
    measured: dict[int, tuple[int, int]] = {}
    inside: set[int] = set()

    def measure(node: yaml.Node, depth: int) -> tuple[int, int]:
        """How many values a node means, and how deep they go."""
        place = f"{path}:{node.start_mark.line + 1}"
        if id(node) in inside:
            raise ConfigError(f"{place}: this holds itself through an alias (*), which has no end.")
        if id(node) not in measured:
            inside.add(id(node))
            children = [part for child in _children(node) for part in child]
            sizes = [measure(child, depth + 1) for child in children] if depth < bounds.depth else [(0, bounds.depth)]
            inside.discard(id(node))
            measured[id(node)] = 1 + sum(count for count, _ in sizes), 1 + max((deep for _, deep in sizes), default=0)
        count, deep = measured[id(node)]
        if count > bounds.values:
            raise ConfigError(f"{place}: with its aliases (*) written out, this has more than {bounds.values} values.")
        if depth + deep > bounds.depth:
            raise ConfigError(f"{path} is nested too deeply to be read.")
        return count, deep

    if root is not None:
        measure(root, 0)


def _children(node: yaml.Node) -> list[tuple[yaml.Node, ...]]:
    if isinstance(node, yaml.MappingNode):
        return list(node.value)
    return [(child,) for child in node.value] if isinstance(node, yaml.SequenceNode) else []


def _line(root: yaml.Node | None, loc: Loc) -> int:
    """The line, from 1, of the value or key at `loc`, or of the nearest thing around it."""
    node, line = root, 1 if root is None else root.start_mark.line + 1
    for step in loc:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(step)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _refuse_double_keys(root: yaml.Node | None, path: Path) -> None:
    """Raise ConfigError, which names all of them, if any mapping under `root` has a key twice."""
    found: list[str] = []
    seen: set[int] = set()  # an alias shares its node: each is visited once
    todo = [root]
    while todo:
        node = todo.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            todo.extend(reversed(node.value))
        elif isinstance(node, yaml.MappingNode):
            first: dict[str, int] = {}
            for key, value in node.value:
                todo.append(value)
                if not isinstance(key, yaml.ScalarNode):
                    continue
                line = key.start_mark.line + 1
                if key.value in first:
                    found.append(f"{path}:{line}: {key.value!r} is already given on line {first[key.value]}.")
                first.setdefault(key.value, line)
    if found:
        raise ConfigError("\n".join(found))


def _not_yaml(path: Path, error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"{path}:{mark.line + 1}" if mark is not None else str(path)
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    hint = next((f" ({said})" for words, said in _HINTS if words in reason), "")
    return f"{place}: this is not YAML: {reason}{hint}."


_HINTS = (
    ("'\\t'", "indent with blanks, not with tabs"),
    ("expected <block end>", "lines that belong together begin in the same column"),
    (
        "mapping values are not allowed",
        "quote a value that holds a colon and a blank, or indent the line as its neighbours",
    ),
)
