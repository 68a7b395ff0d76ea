"""One sink in the place of another: taken with a frame, refused with its reason, closed in the end."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from notified import soon

from edgeseg.build import beside, open_sink_anew
from edgeseg.errors import OutputError
from edgeseg.facts import Degraded, Fact, Recovered, ignore
from edgeseg.frames import Frame, Size
from edgeseg.ports import FrameSink, SinkWish
from edgeseg.service.outlet import Outlet
from edgeseg.sinks import place
from edgeseg.sinks.v4l2 import V4l2Sink
from edgeseg.sinks.y4m import Y4mSink
from edgeseg.testing.sink import FakeSink
from edgeseg.testing.source import FakeSource
from tests.sinks.sink_pictures import make_frame
from tests.sinks.webcam_driver import Driver


@contextmanager
def writing(outlet: Outlet) -> Iterator[None]:
    source = FakeSource(count=None, size=Size(32, 16))
    frame = source.read()
    assert frame is not None
    done = threading.Event()

    def write() -> None:
        while not done.wait(0.005):
            outlet.write(frame)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        outlet.close()


def test_the_new_one_is_written_to_and_the_old_one_closed() -> None:
    old, new = FakeSink("old"), FakeSink("new")
    outlet = Outlet(old, lambda: 7.0)
    with writing(outlet):
        soon(lambda: old.written)
        outlet.change(new, 10)
        soon(lambda: new.written > 2 and old.closes == 1)
        assert outlet.detail == new.detail
        assert outlet.written_at == 7.0
    assert (old.closes, new.closes, outlet.closed) == (1, 1, True)


def test_one_that_refuses_its_first_frame_leaves_the_old_one() -> None:
    old, new = FakeSink("old"), FakeSink("new", fail_at=0)
    outlet = Outlet(old, lambda: 0.0)
    with writing(outlet):
        with pytest.raises(OutputError, match="cannot write new"):
            outlet.change(new, 10)
        written = old.written
        soon(lambda: old.written > written)
    assert (old.closes, new.closes) == (1, 0)  # whoever made it closes it


def test_without_a_frame_nothing_is_changed() -> None:
    old, new = FakeSink("old"), FakeSink("new")
    outlet = Outlet(old, lambda: 0.0)
    with pytest.raises(OutputError, match="No frame came for the new sink"):
        outlet.change(new, 0.05)
    assert (old.closes, outlet.detail) == (0, old.detail)


def test_a_stop_ends_the_waiting() -> None:
    outlet = Outlet(FakeSink("old"), lambda: 0.0)
    threading.Timer(0.05, outlet.close).start()
    with pytest.raises(OutputError, match="stopped"):
        outlet.change(FakeSink("new"), 30)


class Out:
    """An outlet that looks for its sink without pauses; frames are written by hand."""

    def __init__(self, sink: FrameSink, reopen: Callable[[], FrameSink]) -> None:
        self.facts: list[Fact] = []
        self.at_s = 0.0
        self.outlet = Outlet(sink, self.now, self.facts.append, reopen)
        self.number = 0

    def now(self) -> float:
        self.at_s += 2.0
        return self.at_s

    def writes(self, count: int = 3) -> None:
        for _ in range(count):
            frame = noisy(self.number)
            self.number += 1
            self.outlet.write(frame)

    @property
    def is_lost(self) -> bool:
        causes = [type(fact) for fact in self.facts if isinstance(fact, Degraded | Recovered)]
        return bool(causes) and causes[-1] is Degraded

    def losses(self) -> int:
        return sum(isinstance(fact, Degraded) for fact in self.facts)


def noisy(index: int) -> Frame:
    frame = make_frame(index, Size(320, 240))
    frame.planes.y[...] = np.random.default_rng(index).integers(16, 236, frame.planes.y.shape)
    return frame


def test_a_webcam_that_is_unloaded_is_taken_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """V4l2Sink itself, on a device that is a file: its write answers ENODEV, its node goes and comes."""
    device, write, gone = tmp_path / "video10", os.write, False
    device.touch()

    def written(fd: int, data: bytes) -> int:
        if gone:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        return write(fd, data)

    monkeypatch.setattr("edgeseg.sinks.v4l2.os.write", written)

    def opened() -> FrameSink:
        return V4l2Sink(str(device), SinkWish(), ignore, dev=tmp_path, ioctl=Driver())

    out = Out(opened(), opened)
    for times in range(1, 6):
        out.writes()
        gone = True
        device.unlink()
        out.writes()
        assert (out.is_lost, out.losses(), out.outlet.watched) == (True, times, False)
        gone = False
        device.touch()
        out.writes()
        assert not out.is_lost
        assert device.stat().st_size >= 320 * 240 * 3 // 2
    out.outlet.close()


def test_a_reader_of_a_pipe_that_goes_ends_no_service() -> None:
    readers: list[int] = []

    def opened() -> FrameSink:
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 1 << 20)
        readers.append(reader)
        return Y4mSink("", SinkWish(), ignore, fd=writer)

    out = Out(opened(), opened)
    for times in range(1, 6):
        out.writes(1)
        os.close(readers[-1])
        out.writes(1)
        assert (out.is_lost, out.losses()) == (True, times)
        out.writes(1)
        assert not out.is_lost


def test_a_recording_on_a_full_disk_stays_and_goes_on_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk needs root and the right to mount")
    monkeypatch.setattr(place, "ROOM_MB", 1.0)
    try:
        spec, filler = f"file:{folder / 'cam.mkv'}", folder / "filler"
        filler.write_bytes(bytes(1 << 20))
        wish = SinkWish(fps=Fraction(30))
        out = Out(open_sink_anew(spec, wish, ignore), lambda: open_sink_anew(spec, wish, ignore))
        while not out.is_lost:
            out.writes()
        kept = (folder / "cam.mkv").read_bytes()
        out.writes(20)
        assert out.is_lost
        assert sorted(path.name for path in folder.iterdir()) == ["cam.mkv", "filler"]
        filler.unlink()
        out.writes(5)
        assert not out.is_lost
        out.outlet.close()
        assert (folder / "cam.mkv").read_bytes() == kept
        assert playable(folder / "cam.mkv") > 3
        assert playable(folder / "cam-2.mkv") == 5
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def playable(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_without_another_way_the_fault_comes_out() -> None:
    outlet = Outlet(FakeSink("old", fail_at=0), lambda: 0.0)
    with pytest.raises(OutputError, match="cannot write old"):
        outlet.write(noisy(0))


def test_a_name_for_what_follows(tmp_path: Path) -> None:
    path = tmp_path / "cam.mp4"
    assert place.next_name(path) == path
    path.touch()
    assert place.next_name(path) == path, "nothing is in it"
    path.write_text("x")
    (tmp_path / "cam-2.mp4").write_text("x")
    assert place.next_name(path) == tmp_path / "cam-3.mp4"
    folder = tmp_path / "pictures"
    folder.mkdir()
    assert beside(f"images:{folder}") == f"images:{folder}"
    (folder / "frame_000000.png").touch()
    assert beside(f"images:{folder}") == f"images:{folder}-2"
    assert beside("v4l2:/dev/video10") == "v4l2:/dev/video10"
