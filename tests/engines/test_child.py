from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edgeseg.engines.child import ChildEngine
from edgeseg.errors import AssetError, CandidateError, EngineFault, NotPermitted
from edgeseg.ports import EngineWish, ModelIO
from edgeseg.testing.child_engine import TARGET, orders

IO = ModelIO(6, 8)
LONG_S = 30  # for what must come, however busy the machine is


@contextmanager
def child(model: bytes, **options: Any) -> Iterator[ChildEngine]:
    made = ChildEngine("gpu", model, IO, target=TARGET, warm_up=0, **{"deadline_s": LONG_S, **options})
    try:
        yield made
    finally:
        made.close()
        assert not exists(made.pid)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def gone(pid: int) -> bool:
    return any(not exists(pid) or time.sleep(0.02) for _ in range(500))


def picture(red: float = 0.5) -> npt.NDArray[np.float32]:
    return np.full((IO.height, IO.width, 3), red, np.float32)


def test_pictures_go_there_and_masks_come_back() -> None:
    with child(orders()) as engine:
        for red in (0.25, 0.75, 0.5):
            np.testing.assert_array_equal(engine.infer(picture(red)), np.full((6, 8), red, np.float32))
        assert engine.is_alive
    assert not engine.is_alive


def test_the_wish_goes_there_and_the_report_comes_back() -> None:
    wish = EngineWish(threads=3, software=True, library="/a/b", device="CPU")
    with child(orders(), wish=wish) as engine:
        report = engine.report
    assert (report.threads, report.software, report.adapter) == (3, True, "CPU")
    assert report.evidence == ("library /a/b", f"runs in a process of its own, number {engine.pid}")


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (signal.SIGSEGV, r"process died of SIGSEGV\.$"),
        (signal.SIGABRT, r"process died of SIGABRT, a library gave up\.$"),
        (signal.SIGKILL, r"process died of SIGKILL, killed from outside, perhaps because memory ran out\.$"),
        (signal.SIGBUS, r"process died of SIGBUS\.$"),
    ],
)
def test_a_death_is_named_and_stays(number: int, says: str) -> None:
    with child(orders((1, "die", number))) as engine:
        engine.infer(picture())
        for _ in range(2):
            with pytest.raises(EngineFault, match=says):
                engine.infer(picture())
        assert not engine.is_alive


def test_a_death_between_frames_is_named() -> None:
    with child(orders()) as engine:
        os.kill(engine.pid, signal.SIGKILL)
        # Its first thread is dead before all are, and only then it can be waited for.
        assert any(not engine.is_alive or time.sleep(0.02) for _ in range(500))
        with pytest.raises(EngineFault, match=r"^The gpu engine's process died of SIGKILL"):
            engine.infer(picture())


def test_an_end_is_named_with_its_last_words() -> None:
    with child(orders((0, "say", "ERROR: no memory on the device"), (1, "exit", 3))) as engine:
        engine.infer(picture())
        with pytest.raises(
            EngineFault, match=r"ended with exit code 3; its last words: ERROR: no memory on the device"
        ):
            engine.infer(picture())


@pytest.mark.parametrize(("what", "value"), [("hang", 100), ("late", 100)])
def test_a_missed_deadline_ends_the_child(what: str, value: int) -> None:
    with child(orders((1, what, value)), deadline_s=0.3) as engine:
        engine.infer(picture())
        with pytest.raises(EngineFault, match=r"process did not answer within 0\.3 s and was ended\.$"):
            engine.infer(picture())
        assert not engine.is_alive
        assert not exists(engine.pid)
        with pytest.raises(EngineFault, match=r"did not answer"):
            engine.infer(picture())


def test_an_answer_of_another_shape_is_a_fault_and_the_next_is_good() -> None:
    with child(orders((0, "shape", None))) as engine:
        with pytest.raises(EngineFault, match=r"answered float32 \(5, 8\), not float32 \(6, 8\)"):
            engine.infer(picture())
        np.testing.assert_array_equal(engine.infer(picture(0.75)), np.full((6, 8), 0.75, np.float32))


def test_what_no_mask_can_be_comes_as_it_is() -> None:
    with child(orders((0, "nan", None))) as engine:
        assert np.isnan(engine.infer(picture())).any()


@pytest.mark.parametrize(
    ("what", "value", "says"),
    [("raise", "The device was reset.", r"^The device was reset\.$"), ("throw", "x", r"failed with KeyError: 'x'")],
)
def test_a_fault_of_the_engine_itself_leaves_it_alive(what: str, value: str, says: str) -> None:
    with child(orders((0, what, value))) as engine:
        with pytest.raises(EngineFault, match=says):
            engine.infer(picture())
        assert engine.infer(picture()).max() == 0.5


@pytest.mark.parametrize("error", [CandidateError, NotPermitted, AssetError])
def test_a_refusal_comes_as_it_was_said(error: type[Exception]) -> None:
    with pytest.raises(error) as caught, child(orders(refuse=(error.__name__, "No: do this."))):
        pass
    assert type(caught.value) is error
    assert str(caught.value) == "No: do this."


@pytest.mark.parametrize(
    ("start", "says"),
    [
        (
            {"die": signal.SIGABRT},
            r"died of SIGABRT, a library gave up; it had not started: choose another --en",
        ),
        (
            {"say": "E1234 no adapter", "die": signal.SIGSEGV},
            r"died of SIGSEGV; its last words: E1234 no adapter; ",
        ),
        ({"throw": "y"}, r"The gpu engine cannot start: KeyError: 'y'"),
        ({"exit": 1}, r"ended with exit code 1; it had not"),
    ],
)
def test_a_child_that_does_not_start_says_why(start: dict[str, Any], says: str) -> None:
    with pytest.raises(CandidateError, match=says), child(orders(**start)):
        pass


def test_an_engine_that_fails_at_its_first_inference_is_refused() -> None:
    model = orders((0, "raise", "The device was reset."))
    with pytest.raises(
        CandidateError, match=r"^The gpu engine fails from the start: The device was reset\.$"
    ) as caught:
        ChildEngine("gpu", model, IO, target=TARGET, warm_up=1)
    assert type(caught.value) is CandidateError


def test_a_child_that_is_never_ready_is_ended() -> None:
    with pytest.raises(CandidateError, match=r"not ready after 0\.5 s and was ended"):
        ChildEngine("gpu", orders(hang=100), IO, target=TARGET, start_timeout_s=0.5)


def test_what_it_prints_comes_to_no_stream_of_ours_and_takes_no_memory(capfd: pytest.CaptureFixture[str]) -> None:
    with child(orders(*((call, "flood", 1 << 20) for call in range(5)), (5, "die", 11))) as engine:
        for _ in range(5):
            engine.infer(picture())
        with pytest.raises(EngineFault, match="SIGSEGV; its last words"):
            engine.infer(picture())
    assert capfd.readouterr() == ("", "")


def test_ctrl_c_and_a_polite_end_are_not_for_it() -> None:
    with child(orders()) as engine:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(engine.pid, number)
        assert engine.infer(picture()).max() == 0.5
        assert os.getsid(engine.pid) != os.getsid(0)


def test_it_inherits_nothing_that_it_need_not(tmp_path: Path) -> None:
    with open(tmp_path / "ours", "w") as ours:
        os.set_inheritable(ours.fileno(), True)
        with child(orders()) as engine:
            links = [str(one.readlink()) for one in Path(f"/proc/{engine.pid}/fd").iterdir()]
    kinds = sorted(one.partition(":")[0].removesuffix(" (deleted)") for one in links)
    assert kinds == ["/dev/null", "/memfd", "/memfd", "/memfd", "pipe", "socket"]  # twice the log, and what is shared


def test_nothing_is_left_in_this_process() -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    with child(orders()):
        pass
    before = open_files()
    for _ in range(3):
        with child(orders()) as engine:
            engine.infer(picture())
        with pytest.raises(CandidateError), child(orders(die=11)):
            pass
    assert open_files() == before


def test_closing_ends_a_call_that_hangs() -> None:
    caught: list[BaseException] = []
    with child(orders((0, "hang", 100))) as engine:

        def ask() -> None:
            try:
                engine.infer(picture())
            except EngineFault as fault:
                caught.append(fault)

        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(0.2)
        with pytest.raises(EngineFault, match="while a call was running"):
            engine.infer(picture())
        engine.close()
        asking.join(LONG_S)
    assert "was closed while it worked" in str(caught[0])


@pytest.mark.parametrize("faults", [(), ((0, "hang", 100),)], ids=["idle", "hanging"])
def test_it_ends_with_its_parent(faults: tuple[Any, ...]) -> None:
    """Killed the hardest way, and while the child holds its interpreter's lock in C."""
    code = (
        "import sys, numpy as np\n"
        "from edgeseg.engines.child import ChildEngine\n"
        "from edgeseg.ports import ModelIO\n"
        f"engine = ChildEngine('gpu', {orders(*faults)!r}, ModelIO(6, 8), target={TARGET!r}, warm_up=0, deadline_s=60)"
        "\n"
        "print(engine.pid, flush=True)\n"
        "sys.stdin.readline()\n"
        "engine.infer(np.zeros((6, 8, 3), np.float32))\n"
        "print('answered', flush=True)\n"
        "sys.stdin.readline()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        assert parent.stdin is not None
        pid = int(parent.stdout.readline())
        assert exists(pid)
        parent.stdin.write("\n")
        parent.stdin.flush()
        if not faults:
            assert parent.stdout.readline() == "answered\n"
        else:
            time.sleep(0.3)
            assert exists(pid)
    finally:
        parent.kill()
        parent.communicate()
    assert gone(pid)
