"""What is kept is whole or not there at all, and it is believed only for this board, runtime and model."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ladders import measured

from edgeseg.errors import OutputError
from edgeseg.tiers import kept
from edgeseg.tiers.kept import Kept
from edgeseg.tiers.ladder import Candidate, Refusal

ONE, OTHER = measured("a", 5.0), measured("b", 9.0, 0.95, engine="gpu", sha256="1" * 64)
REFUSED = Refusal(Candidate("c", "cpu", 2), "2" * 64, "it takes 900 MB, and 500 are allowed")
KEPT = Kept("a board", "ai-edge-litert 2.3.0", 4.5, "2026-11-24", (ONE, OTHER), (REFUSED,))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    kept.write(KEPT, tmp_path)
    return tmp_path


def again(folder: Path) -> tuple[Kept | None, str | None]:
    return kept.read(KEPT.board, KEPT.runtime, folder)


def test_it_is_read_back_as_it_was(folder: Path) -> None:
    assert again(folder) == (KEPT, None)
    assert [path.name for path in folder.iterdir()] == ["ladder.json"]


def test_nothing_kept_is_no_complaint(tmp_path: Path) -> None:
    assert again(tmp_path) == (None, None)
    assert again(tmp_path / "none") == (None, None)


def test_a_torn_file_of_any_length_is_damaged_said_so_and_written_anew(folder: Path) -> None:
    path = folder / "ladder.json"
    text = path.read_bytes()
    for length in range(len(text)):
        path.write_bytes(text[:length])
        assert again(folder) == (None, f"the kept ladder {path} is damaged"), length
        path.write_bytes(text[:length].ljust(len(text), b"\0"))  # as some file systems leave it
        assert again(folder) == (None, f"the kept ladder {path} is damaged"), length
    kept.write(KEPT, folder)
    assert again(folder) == (KEPT, None)


def change(path: Path, *keys: object, to: object) -> None:
    """Set one value in the file; `...` takes the key away."""
    data = json.loads(path.read_text())
    at = data
    for key in keys[:-1]:
        at = at[key]
    if to is ...:
        del at[keys[-1]]
    else:
        at[keys[-1]] = to
    path.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("keys", "to"),
    [
        (("measured", 0, "ms"), -1.0),
        (("measured", 0, "ms"), float("nan")),
        (("measured", 0, "ms"), float("inf")),
        (("measured", 0, "ms"), "5"),
        (("measured", 0, "ms"), None),
        (("measured", 0, "ms"), True),
        (("measured", 0, "runs"), 1.5),
        (("measured", 0, "golden"), {"stills": 7}),
        (("measured", 0, "golden"), ["stills"]),
        (("measured", 0, "golden"), ...),
        (("measured", 0, "sha256"), 5),
        (("measured", 0, "candidate"), ["a", "cpu", 1]),
        (("measured", 0, "candidate", "tier"), "two\nlines"),
        (("measured", 0, "candidate", "threads"), "1"),
        (("measured", 0, "unknown"), 1),
        (("measured", 0), None),
        (("measured",), {}),
        (("measured",), ...),
        (("refusals",), ...),
        (("board",), ...),
        (("reference_ms",), None),
        (("more",), 1),
        (("schema",), ...),
    ],
)
def test_a_wrong_value_is_damage(folder: Path, keys: tuple[object, ...], to: object) -> None:
    change(folder / "ladder.json", *keys, to=to)
    assert again(folder) == (None, f"the kept ladder {folder / 'ladder.json'} is damaged")


@pytest.mark.parametrize("content", [b"[]", b"null", b"7", b"\xff\xfe", b"[" * 100_000, b" " * 5_000_000, b"{}"])
def test_garbage_is_damage(folder: Path, content: bytes) -> None:
    (folder / "ladder.json").write_bytes(content)
    assert again(folder) == (None, f"the kept ladder {folder / 'ladder.json'} is damaged")


@settings(deadline=None)
@given(st.binary(max_size=60), st.integers(0, 3000))
def test_no_bytes_in_it_do_harm(tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int) -> None:
    folder = tmp_path_factory.mktemp("noise")
    path = kept.write(KEPT, folder)
    text = path.read_bytes()
    path.write_bytes(text[:at] + noise + text[at + len(noise) :])
    found, why = again(folder)
    assert (found is None) == (why is not None)


def test_another_version_is_said(folder: Path) -> None:
    change(folder / "ladder.json", "schema", to=99)
    _, why = again(folder)
    assert why is not None
    assert why.endswith("is of schema 99, and this version of edgeseg keeps schema 1")


def test_another_board_and_another_runtime_are_said(folder: Path) -> None:
    path = folder / "ladder.json"
    assert kept.read("this one", KEPT.runtime, folder) == (
        None,
        f"the kept ladder {path} is of another board (a board), and this is this one",
    )
    assert kept.read(KEPT.board, "ai-edge-litert 3", folder) == (
        None,
        f"the kept ladder {path} was measured with ai-edge-litert 2.3.0, and ai-edge-litert 3 is installed",
    )


def test_what_is_of_another_model_file_does_not_count() -> None:
    current = kept.of_models(KEPT, {"a": ONE.sha256, "b": "f" * 64})
    assert current.measured == (ONE,)
    assert current.refusals == ()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot be kept in .*/file/below: Not a directory; .*\$EDGESEG_STATE"):
        kept.write(KEPT, tmp_path / "file" / "below")


def test_a_full_disk_leaves_the_old_ladder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        kept.write(KEPT._replace(when="tomorrow"), folder)
    assert again(folder) == (KEPT, None)
    assert [path.name for path in folder.iterdir()] == ["ladder.json"]


def test_a_fifo_in_its_place_blocks_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ladder.json")
    assert again(tmp_path) == (None, f"the kept ladder {tmp_path / 'ladder.json'} is damaged")


def test_a_folder_in_its_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "ladder.json").mkdir()
    found, why = again(tmp_path)
    assert found is None
    assert why is not None


@pytest.mark.parametrize(
    ("variables", "user", "where"),
    [
        ({"EDGESEG_STATE": "/x", "STATE_DIRECTORY": "/y"}, 0, "/x"),
        ({"STATE_DIRECTORY": "/var/lib/one:/var/lib/two"}, 1000, "/var/lib/one"),
        ({}, 0, "/var/lib/edgeseg"),
        ({"XDG_STATE_HOME": "/s"}, 1000, "/s/edgeseg"),
        ({"HOME": "/home/pi"}, 1000, "/home/pi/.local/state/edgeseg"),
    ],
)
def test_where_state_is(variables, user, where, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EDGESEG_STATE", "STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert kept.state_folder() == Path(where)
    expected = {Path(where)} if "EDGESEG_STATE" in variables else {Path(where), kept.MACHINE}
    assert {path.parent for path in kept.places()} == expected


def test_it_agrees_with_platformdirs(monkeypatch: pytest.MonkeyPatch) -> None:
    import platformdirs

    for name in ("EDGESEG_STATE", "STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert kept.state_folder() == platformdirs.user_state_path("edgeseg")
