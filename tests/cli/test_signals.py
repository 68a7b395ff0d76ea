"""Being stopped: the file is closed and plays, the exit code is 0; and what is left when there was no time for that."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import words
from media import clip, frames_of, noise

Start = Callable[..., "subprocess.Popen[bytes]"]
END_S = 20


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """start(args) runs the command in the background; what still runs after the test is killed."""
    running: list[subprocess.Popen[bytes]] = []

    def _start(args: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            words(args),
            cwd=tmp_path,
            env=os.environ | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        running.append(child)
        return child

    yield _start
    for child in running:
        if child.poll() is None:
            child.kill()
        child.communicate()


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of a minute."""
    return clip(tmp_path_factory.mktemp("long") / "minute.mp4", 1800, audio=True)


def wait_until(true: Callable[[], object], what: str) -> None:
    end = time.monotonic() + END_S
    while not true():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.02)


def said(child: subprocess.Popen[bytes]) -> str:
    """What is left on stderr once the child has ended; no traceback."""
    assert child.stderr is not None
    text = child.stderr.read().decode()
    assert "Traceback" not in text, text
    return text


@pytest.mark.parametrize(
    ("number", "ending"),
    [
        (signal.SIGINT, "mp4"),
        (signal.SIGTERM, "mp4"),
        (signal.SIGTERM, "mkv"),
        (signal.SIGINT, "webm"),
        (signal.SIGHUP, "mov"),
    ],
)
def test_a_run_that_is_stopped_has_closed_its_file(
    model: Path, minute: Path, start: Start, tmp_path: Path, number: int, ending: str
) -> None:
    out = tmp_path / f"out.{ending}"
    child = start(f"run --source {minute} --realtime --sink file:{out} --json")
    wait_until(out.exists, "the file is begun")
    time.sleep(0.6)
    child.send_signal(number)
    printed, _ = child.communicate(timeout=END_S)
    figures = json.loads(printed)
    assert child.returncode == 0
    assert 2 < figures["frames"] < 900
    assert frames_of(out) == figures["frames"]


def test_the_pipe_of_a_player_that_is_closed_is_an_end(model: Path, minute: Path, start: Start) -> None:
    child = start(f"run --source {minute} --sink -")
    assert child.stdout is not None
    assert child.stdout.read(100_000).startswith(b"YUV4MPEG2 W96 H64 ")
    child.stdout.close()
    assert child.wait(END_S) == 0
    assert "edgeseg: " not in said(child)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_a_run_that_is_killed_leaves_what_plays(model: Path, start: Start, tmp_path: Path, ending: str) -> None:
    source = clip(tmp_path / "a.mp4", 600, (160, 120), paint=noise)
    out = tmp_path / f"out.{ending}"
    child = start(f"run --source {source} --background none --sink file:{out}")
    wait_until(lambda: out.exists() and out.stat().st_size > 300_000, "something was written")
    child.kill()
    assert child.wait(END_S) == -signal.SIGKILL
    assert frames_of(out) >= 30


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_before_it_has_a_source(start: Start, tmp_path: Path, number: int) -> None:
    os.mkfifo(tmp_path / "pipe")
    child = start("run --source pipe --sink file:out.mp4")
    writer = -1

    def opened() -> bool:
        nonlocal writer
        try:
            writer = os.open(tmp_path / "pipe", os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # until there is a reader
            return False
        return True

    wait_until(opened, "the source is opened")
    try:
        child.send_signal(number)
        assert child.wait(END_S) == 0
    finally:
        os.close(writer)
    assert "edgeseg: Stopped before the first frame; nothing was written." in said(child)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    ("args", "number", "code"),
    [
        ("run --source pipe", signal.SIGINT, 0),
        ("run --source pipe", signal.SIGTERM, 0),
        ("service run --instance desk", signal.SIGTERM, 0),
        ("mask a.png m.png", signal.SIGINT, 128 + signal.SIGINT),
        ("mask a.png m.png", signal.SIGTERM, 128 + signal.SIGTERM),
    ],
)
def test_a_command_that_is_stopped_while_it_is_loaded(
    start: Start, tmp_path: Path, args: str, number: int, code: int
) -> None:
    # In short sleeps: Python sees a signal that comes just before one only after it.
    loading = "import time\nprint('loading', flush=True)\nfor _ in range(600):\n    time.sleep(0.1)\n"
    (tmp_path / "typer.py").write_text(loading)
    child = start(args, env={"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"})
    assert child.stdout is not None
    assert child.stdout.readline() == b"loading\n"
    child.send_signal(number)
    assert child.wait(END_S) == code
    assert said(child) == ""


def test_a_second_ctrl_c_ends_what_does_not_want_to(model: Path, minute: Path, start: Start) -> None:
    child = start(f"run --source {minute} --sink -")  # nobody reads: it waits for ever
    assert child.stdout is not None
    assert child.stdout.read(10)
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(1)
    child.send_signal(signal.SIGINT)
    assert child.wait(END_S) == -signal.SIGINT
    assert "Traceback" not in said(child)


def test_a_source_that_stalls_does_not_keep_a_run_from_ending(model: Path, start: Start, tmp_path: Path) -> None:
    whole = clip(tmp_path / "a.mkv", 60).read_bytes()
    os.mkfifo(tmp_path / "pipe")
    child = start("run --source pipe --sink file:out.mp4 --json")
    with (tmp_path / "pipe").open("wb") as writer:
        writer.write(whole[: len(whole) // 2])
        writer.flush()
        wait_until((tmp_path / "out.mp4").exists, "the file is begun")
        time.sleep(0.3)
        child.send_signal(signal.SIGTERM)
        printed, _ = child.communicate(timeout=END_S)
    assert child.returncode == 0
    assert json.loads(printed)["frames"] == frames_of(tmp_path / "out.mp4") > 5
