"""One sink in the place of another: taken with a frame, refused with its reason, closed in the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from notified import soon

from edgeseg.errors import OutputError
from edgeseg.frames import Size
from edgeseg.service.outlet import Outlet
from edgeseg.testing.sink import FakeSink
from edgeseg.testing.source import FakeSource


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
