"""Time that leaps: a wall clock that is set changes nothing, and a suspended machine's frames and masks are old."""

from __future__ import annotations

import ast
import threading
import time
from pathlib import Path

import edgeseg
from edgeseg.clock import SystemClock
from edgeseg.facts import Shown
from edgeseg.steering import Looker
from tests.runtime import test_away

WALL = {("time", "time"), ("time", "time_ns"), ("datetime", "now"), ("datetime", "today"), ("date", "today")}
DATES = {  # which people are told, and nothing depends on
    "commands/calibrate.py",
    "install/__main__.py",
    "remote/gallery.py",
    "remote/live.py",
    "remote/state.py",
    "web/access.py",
    "web/board.py",
}


def wall_clocks(text: str) -> list[str]:
    """Where a module asks for the wall clock's time."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (node.value.id, node.attr) in WALL
    ]


def test_nothing_asks_the_wall_clock_but_for_dates() -> None:
    root = Path(edgeseg.__file__).parent
    asking = {str(path.relative_to(root)) for path in root.rglob("*.py") if wall_clocks(path.read_text())}
    assert asking == DATES
    assert wall_clocks("import time\nnow = time.time()")


def test_the_clock_counts_what_a_suspended_machine_sleeps() -> None:
    assert abs(SystemClock().now() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 5


class Leaping(SystemClock):
    leap_s = 0.0

    def now(self) -> float:
        return super().now() + self.leap_s


def test_after_a_resume_nothing_of_before_is_shown_or_believed(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """While it slept, the person went to the other place; the camera is the same one."""
    clock = Leaping()
    before = test_away.CLOCK
    monkeypatch.setattr(test_away, "CLOCK", clock)
    place = [test_away.PLACES[0]]
    asleep = threading.Event()

    class Rig(test_away.Rig):
        def source(self, *words, **more):  # type: ignore[no-untyped-def]
            source = super().source(*words, **more)
            source._paint = lambda index, planes: test_away.SCENE.paint(place[0], planes)
            source._clock = before  # a camera's frames come by a clock of its own
            source._start_s = before.now()
            return source

    with Rig() as rig:
        looker = Looker(rig.runtime, clock)
        for turn in range(3):
            assert test_away.soon(lambda: looker.look(None) is not None)
            asleep.clear()

            def sleep(turn: int = turn) -> None:
                clock.leap_s += 3600
                place[0] = test_away.PLACES[(turn + 1) % 2]
                asleep.set()

            rig.runtime.between(sleep)
            assert asleep.wait(30)
            told = len(rig.facts)

            def masks_after(told: int = told) -> list[str]:
                return [fact.mask for fact in rig.facts[told:] if isinstance(fact, Shown)]

            assert test_away.soon(lambda: "own" in masks_after())
            masks = masks_after()
            assert looker.look(None) is None, "nor does the governor judge an hour without frames"
            assert "carried" not in masks[: masks.index("own")], "no mask of before"
    assert rig.error is None
