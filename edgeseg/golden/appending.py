"""An item more in a dataset.yaml that people write: comments, quotes and the order of keys stay as they are.

Text is put in at two places, that PyYAML's parser names; what comes of it is read again, and refused unless it says
what it said before and the new item, at the next version.
"""

from __future__ import annotations

from typing import Any

import yaml

from edgeseg.errors import GoldenError
from edgeseg.golden.writing import line_of


def appended(text: str, row: dict[str, Any]) -> str:
    """The text of dataset.yaml with one item more, and its version raised by one.

    Raises GoldenError if the text is written in such a way that this cannot be done without harm.
    """
    by_hand = f"add this to its items by hand, and raise its version: {line_of(row)}"
    try:
        before = yaml.safe_load(text)
        changed = _with_both(text, row)
        after = yaml.safe_load(changed)
    except (yaml.YAMLError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise GoldenError(f"dataset.yaml cannot be added to; {by_hand}") from error
    expected = before | {"version": before["version"] + 1, "items": [*before["items"], row]}
    if after != expected or list(after) != list(expected):
        raise GoldenError(f"dataset.yaml is written so that nothing can be added safely; {by_hand}")
    return changed


def _with_both(text: str, row: dict[str, Any]) -> str:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise ValueError("no mapping")
    nodes = {key.value: value for key, value in root.value}
    version, items = nodes["version"], nodes["items"]
    edits = [
        (version.start_mark.index, version.end_mark.index, str(int(version.value) + 1)),
        _place(text, items, line_of(row)),
    ]
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _place(text: str, items: yaml.Node, line: str) -> tuple[int, int, str]:
    """Where the item goes: what is to be replaced, from and to, and by what."""
    if not isinstance(items, yaml.SequenceNode) or not items.value:
        raise ValueError("no items")
    last = _end_of(items.value[-1])
    if items.flow_style:
        return last, last, f", {line}"
    newline = "\r\n" if "\r\n" in text else "\n"
    dash = " " * items.start_mark.column + "- "
    at = text.find("\n", last)  # a remark behind the last item stays with it
    if text[last - 1] == "\n":
        return last, last, f"{dash}{line}{newline}"
    if at == -1:
        return len(text), len(text), f"{newline}{dash}{line}{newline}"
    return at + 1, at + 1, f"{dash}{line}{newline}"


def _end_of(node: yaml.Node) -> int:
    """Where a node's last letter is: the parser counts the remarks after a block to it."""
    inner = getattr(node, "value", None)
    if isinstance(node, yaml.MappingNode) and not node.flow_style and inner:
        return _end_of(inner[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and inner:
        return _end_of(inner[-1])
    return int(node.end_mark.index)
