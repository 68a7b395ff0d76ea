"""The runner over a device that dies, hangs, is lost, has a full disk or lacks something."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from cards import GOLDEN
from fake_device import TIERS, FakeCommand, FakeDevice, job, jobs, lost

from deploy.farm import runs
from deploy.farm.card import Candidate, Card, Fault
from deploy.farm.device import Ended
from deploy.farm.jobs import Job
from deploy.farm.lane import Lane
from deploy.farm.runner import cards_of, run_jobs
from deploy.farm.runs import Run
from deploy.farm.slots import Slots
from edgeseg.errors import NotPermitted, OutputError


class Notes:
    """A `lane.Told` that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.done: list[Job] = []

    def doing(self, job: Job, what: str, done: int, of: int) -> None:
        self.said.append(f"{what} {done} {of}")

    def finished(self, job: Job, made: Card) -> None:
        self.done.append(job)

    def note(self, device: str, line: str) -> None:
        self.said.append(line)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return runs.start(tmp_path, {"wheel": "a"}, "20261125-010203")


def ran(run: Run, device: FakeDevice, own: list[Job] | None = None) -> list[Card]:
    parts = [(device, jobs() if own is None else own, {})]
    run_jobs(run, parts, Notes())
    return [card for card, _ in cards_of(run, parts)]


def faults(cards: list[Card]) -> list[Fault | None]:
    return [card.fault for card in cards]


def test_all_is_well(run: Run) -> None:
    device, notes = FakeDevice(), Notes()
    run_jobs(run, [(device, jobs(), {})], notes)
    assert [one.candidate.tier for one in notes.done] == TIERS
    assert "scoring 1 7" in notes.said
    assert device.history == ["open", *(f"{tier}.cpu.1" for tier in TIERS), "close"]


@pytest.mark.parametrize(
    ("command", "kind", "words"),
    [
        (FakeCommand(-11), "died", "Its process died of SIGSEGV"),
        (FakeCommand(134, "free(): invalid pointer"), "died", "Its process died of SIGABRT: free(): invalid pointer"),
        (FakeCommand(70, "edgeseg: A bug: ..."), "died", "exit code 70: edgeseg: A bug"),
        (FakeCommand(None), "hung", "It was killed after 60 s."),
    ],
)
def test_a_candidates_fault_is_not_tried_again(run: Run, command: FakeCommand, kind: str, words: str) -> None:
    device = FakeDevice()
    device.next = [command]
    made = ran(run, device)
    assert made[0].fault is not None
    assert made[0].fault.kind == kind
    assert words in made[0].fault.detail
    assert faults(made[1:]) == [None, None]
    assert device.history.count(f"{TIERS[0]}.cpu.1") == 1


def test_a_device_that_comes_back_costs_one_more_try(run: Run) -> None:
    device = FakeDevice()
    device.next = [lost("The cable fell out.")]
    assert faults(ran(run, device)) == [None, None, None]
    assert device.history[:4] == ["open", f"{TIERS[0]}.cpu.1", "close", "open"]


def test_the_first_failure_is_the_one_that_is_told(run: Run) -> None:
    device = FakeDevice()
    device.next = [lost("The cable fell out."), lost("No route to host.")]
    made = ran(run, device)
    assert faults(made) == [Fault("lost", "The cable fell out."), None, None]
    assert device.history.count(f"{TIERS[0]}.cpu.1") == 2


@pytest.mark.parametrize(
    ("lever", "words"),
    [
        ({"opening": [lost("Host unknown."), lost("Still unknown.")]}, "Host unknown."),
        ({"putting": lost("The disk of /srv is full: free some of it.")}, "The disk of /srv is full"),
        ({"putting": OSError(28, "No space left on device")}, "No space left on device"),
        ({"hello": Ended(1, "ModuleNotFoundError: No module named 'numpy'")}, "No module named 'numpy'"),
        ({"hello": Ended(127, "python: not found")}, "lacks what edgeseg needs: python: not found"),
        ({"next": [FakeCommand(7, "cannot write: the disk is full")] * 4}, "the disk is full"),
    ],
)
def test_a_device_that_is_gone_is_lost_and_nothing_of_it_regressed(
    run: Run, lever: dict[str, object], words: str
) -> None:
    device = FakeDevice()
    for name, value in lever.items():
        setattr(device, name, value)
    made = ran(run, device)
    assert [fault.kind for fault in faults(made) if fault is not None] == ["lost"] * 3
    assert all(fault is not None and words in fault.detail for fault in faults(made))
    assert device.history.count("open") <= 4  # it was not asked once more for every job


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (lambda made: replace(made, candidate=Candidate("another", "cpu", 1)), "the card of another job"),
        (lambda made: replace(made, golden=replace(GOLDEN, sha256="cd" * 32)), "the card of another job"),
        (lambda made: replace(made, version=2), "sent no card back: it is a card of version 2"),
    ],
)
def test_what_is_no_card_of_the_job_is_no_result(run: Run, changed: object, words: str) -> None:
    device = FakeDevice()
    device.changed = changed  # type: ignore[assignment]
    fault = ran(run, device, [job()])[0].fault
    assert fault is not None
    assert fault.kind == "lost"
    assert words in fault.detail


def test_only_what_is_not_done_is_done_and_the_lost_are_asked_again(tmp_path: Path, run: Run) -> None:
    device = FakeDevice()
    device.next = [FakeCommand(-9), lost("Gone."), lost("Gone.")]
    assert [fault and fault.kind for fault in faults(ran(run, device))] == ["died", "lost", None]
    again = runs.start(tmp_path, {"wheel": "a"}, "20261125-020000")
    assert again == Run(run.folder, True)
    device = FakeDevice()
    assert [fault and fault.kind for fault in faults(ran(again, device))] == ["died", None, None]
    assert device.history == ["open", f"{TIERS[1]}.cpu.1", "close"]


def test_a_job_of_another_key_is_done_anew(run: Run) -> None:
    ran(run, FakeDevice(), [job(key="0123456789ab")])
    device = FakeDevice()
    ran(run, device, [job(key="ba9876543210")])
    assert f"{TIERS[0]}.cpu.1" in device.history
    assert [path.name for path in run.folder.glob("fake/*.json")] == [f"{TIERS[0]}.cpu.1-ba9876543210.json"]


def test_a_stopped_run_kills_what_runs_and_keeps_what_is_done(run: Run) -> None:
    device, waiting = FakeDevice(), FakeCommand(-9, waits=True)
    device.next = [FakeCommand(0), waiting]

    class Interrupting(Notes):
        def finished(self, job: Job, made: Card) -> None:
            threading.Thread(target=lambda: waiting.started.wait(30) and stop.set(), daemon=True).start()

    stop = threading.Event()
    lane = Lane(device, jobs(), {}, None, run.keep, Interrupting())
    thread = threading.Thread(target=lane.run)
    thread.start()
    assert stop.wait(30)
    lane.stop()
    thread.join(30)
    assert not thread.is_alive()
    assert [run.card_of(one) is not None for one in jobs()] == [True, False, False]
    assert device.history[-1] == "close"


def test_a_card_that_cannot_be_kept_ends_the_run(tmp_path: Path, run: Run) -> None:
    (run.folder / "fake").write_text("in the way", encoding="utf-8")
    with pytest.raises(OutputError, match="fake cannot be written"):
        ran(run, FakeDevice())


def test_devices_run_at_once(run: Run) -> None:
    """Each waits for the other to have begun."""
    one, other = FakeDevice("one"), FakeDevice("other")
    first, second = FakeCommand(0, waits=True), FakeCommand(0, waits=True)
    one.next, other.next = [first], [second]
    threading.Thread(target=lambda: second.started.wait(30) and first.kill(), daemon=True).start()
    threading.Thread(target=lambda: first.started.wait(30) and second.kill(), daemon=True).start()
    parts = [(one, [job("one")], {}), (other, [job("other")], {})]
    slots = Slots(2)
    threads = [threading.Thread(target=Lane(device, own, {}, slots, run.keep, Notes()).run) for device, own, _ in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(cards_of(run, parts)) == 2


def test_one_that_is_timed_has_the_machine_alone() -> None:
    slots, held, order = Slots(2), threading.Event(), []
    free = threading.Event()

    def share(name: str) -> None:
        with slots.taken(1, lambda: False):
            order.append(name)
            held.set()
            assert free.wait(30)

    def alone() -> None:
        with slots.taken(9, lambda: False) as has:
            assert has
            order.append("alone")

    threads = [threading.Thread(target=share, args=("first",))]
    threads[0].start()
    assert held.wait(30)
    threads.append(threading.Thread(target=alone))
    threads[1].start()
    while len(slots._queue) < 1:
        pass
    threads.append(threading.Thread(target=share, args=("late",)))  # there is a slot, but others asked before
    threads[2].start()
    while len(slots._queue) < 2:
        pass
    assert order == ["first"]
    free.set()
    for thread in threads:
        thread.join(30)
    assert order == ["first", "alone", "late"]


def test_who_gives_up_waiting_holds_nothing() -> None:
    slots = Slots(1)
    with slots.taken(1, lambda: False), slots.taken(1, lambda: True) as has:
        assert not has
    with slots.taken(1, lambda: True) as has:
        assert has


def test_old_runs_are_pruned(tmp_path: Path) -> None:
    for number in range(4):
        run = runs.start(tmp_path, {"wheel": str(number)}, f"20261125-01020{number}")
        run.finish(True)
    (tmp_path / "notes").mkdir()
    assert runs.prune(tmp_path, 2) == ["20261125-010200", "20261125-010201"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["20261125-010202", "20261125-010203", "notes"]


@pytest.mark.parametrize(
    ("of", "fresh", "complete"),
    [({"wheel": "b"}, False, False), ({"wheel": "a"}, True, False), ({"wheel": "a"}, False, True)],
)
def test_a_new_run_is_begun(tmp_path: Path, run: Run, of: dict[str, str], fresh: bool, complete: bool) -> None:
    run.finish(complete)
    begun = runs.start(tmp_path, of, "20261125-010203", fresh)
    assert begun == Run(tmp_path / "20261125-010203-1", False)


def test_two_runs_cannot_write_to_one_place(tmp_path: Path) -> None:
    with (
        runs.locked(tmp_path),
        pytest.raises(NotPermitted, match="Another run of the farm writes"),
        runs.locked(tmp_path),
    ):
        pass
    with runs.locked(tmp_path):
        pass


def test_half_a_card_is_no_card(run: Run) -> None:
    ran(run, FakeDevice(), [job()])
    (path,) = run.folder.glob("fake/*.json")
    path.write_text(path.read_text(encoding="utf-8")[:100], encoding="utf-8")
    assert run.card_of(job()) is None
