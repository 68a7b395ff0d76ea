"""YAML with lines: where a value is, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg.config.yaml_lines import Loc, load
from edgeseg.errors import UsageError

TEXT = """\
# a comment
camera:
  size: [1280,
         720]
limits: &limits
  temp_c: 80
items:
- {a: 1, b: 2}
-
  a: 3
other: *limits
"""


@pytest.mark.parametrize(
    ("loc", "line"),
    [
        ((), 2),
        (("camera",), 2),
        (("camera", "size"), 3),
        (("camera", "size", 1), 4),
        (("camera", "sise"), 2),
        (("items", 0, "b"), 8),
        (("items", 1), 10),
        (("items", 1, "a"), 10),
        (("items", 7), 7),
        (("other", "temp_c"), 6),
        (("limits", "temp_c", "deeper", 0), 6),
    ],
)
def test_where_a_value_is(tmp_path: Path, loc: Loc, line: int) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(TEXT)
    data, where = load(path)
    assert data["items"] == [{"a": 1, "b": 2}, {"a": 3}]
    assert data["other"] == {"temp_c": 80}
    assert where(loc) == f"{path}:{line}"


BAD = {
    "syntax": (b"a: [1\nb: 2\n", ":2: this is not YAML: expected ',' or ']', but got ':'."),
    "tab": (
        b"a:\n\tb: 1\n",
        ":2: this is not YAML: found character '\\t' that cannot start any token (indent with blanks, not with tabs).",
    ),
    "two documents": (b"a: 1\n---\nb: 2\n", ":2: this is not YAML: but found another document."),
    "not text": (b"\xff\xfe\x00\xd8", ": this is not YAML: unexpected end of data."),
    "a control character": (b"a: \x01\n", ": this is not YAML: special characters are not allowed."),
    "an object": (
        b"a: !!python/object:os.system {}\n",
        ":1: this is not YAML: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/object:os.system'.",
    ),
    "unhashable key": (b"{[1]: 2}\n", ":1: this is not YAML: found unhashable key."),
    "no such day": (b"a: 2026-13-45\n", ": this is not YAML: month must be in 1..12."),
    "nested": (b"[" * 5000, " is nested too deeply to be read."),
    "keys twice": (
        b"a: 1\nb: {c: 1, c: 2}\na: 3\n",
        ":3: 'a' is already given on line 1.\n{path}:2: 'c' is already given on line 2.",
    ),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_what_is_refused(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(text)
    with pytest.raises(UsageError) as caught:
        load(path)
    assert str(caught.value) == f"{path}" + message.replace("{path}", str(path))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.yaml cannot be read: No such file or directory\."):
        load(tmp_path / "nowhere.yaml")


def test_an_empty_file_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("")
    data, where = load(path)
    assert data is None
    assert where(("a",)) == f"{path}:1"
