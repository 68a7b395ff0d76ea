"""YAML files whose values remember their line, so that every complaint can say file:line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from edgeseg.errors import NotPermitted, UsageError

Loc = Sequence[int | str]
Where = Callable[[Loc], str]


def load(path: Path) -> tuple[Any, Where]:
    """Read one YAML document: its data, of plain types, and `where(loc)`, which gives "file:line".

    `loc` is a path of keys and indices, as pydantic gives it. Where it leads to nothing (a key that is missing), the
    line is that of the nearest thing around it. An empty file is None.

    Raises UsageError if there is no such file, if it is not YAML, or if a mapping has a key twice (YAML forbids it,
    PyYAML takes the last one in silence); NotPermitted if it may not be read.
    """
    try:
        text = path.read_bytes()
    except PermissionError as error:
        raise NotPermitted(f"{path} may not be read: {error.strerror}.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    loader: yaml.SafeLoader | None = None
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        _refuse_double_keys(root, path)
        data = None if root is None else loader.construct_document(root)
    except (yaml.YAMLError, ValueError) as error:
        raise UsageError(_not_yaml(path, error)) from error
    except RecursionError as error:
        raise UsageError(f"{path} is nested too deeply to be read.") from error
    finally:
        if loader is not None:
            loader.dispose()

    def where(loc: Loc) -> str:
        return f"{path}:{_line(root, loc)}"

    return data, where


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
    """Raise UsageError, which names all of them, if any mapping under `root` has a key twice."""
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
        raise UsageError("\n".join(found))


def _not_yaml(path: Path, error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"{path}:{mark.line + 1}" if mark is not None else str(path)
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return f"{place}: this is not YAML: {reason}."
