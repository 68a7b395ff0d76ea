"""One device and its jobs, one after the other, in a thread of its own.

What the candidate did wrong is its card's fault and is not tried again. What is the device's (it cannot be reached, its
disk is full, it answers nonsense) is tried once more; if that fails too, the first failure is what is told.
"""

from __future__ import annotations

import signal
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from deploy.farm import card
from deploy.farm.card import Card, Fault, FaultKind
from deploy.farm.device import Command, Device, DeviceLost, Ended
from deploy.farm.jobs import Job
from deploy.farm.slots import Slots
from edgeseg.errors import GoldenError, NotPermitted, OutputError, UsageError, one_line

HELLO = ("python", "-c", "import edgeseg.candidate, edgeseg.commands.golden")
_HELLO_S = {"real": 120.0, "emulated": 900.0}
_MOST_LOST = 2  # jobs in a row, each tried twice: then the device is left alone
# These are of the device: nothing can be written there, or what is there is not what was sent.
_OF_DEVICE = {UsageError.exit_code, GoldenError.exit_code, OutputError.exit_code, NotPermitted.exit_code, 126, 127}


class Told(Protocol):
    """Told of what goes on, from any thread."""

    def doing(self, job: Job, what: str, done: int, of: int) -> None:
        """A job has begun, or got so far."""

    def finished(self, job: Job, made: Card) -> None:
        """A job's card is kept."""

    def note(self, device: str, line: str) -> None:
        """Something else that people should know."""


Keep = Callable[[Job, Card, "Path | None"], None]
"""Takes a job's card, and the folder of its masks if there are any."""


class Stopped(Exception):
    """The run is to end."""


class Lane:
    """See above. files: all that the device is brought. slots: of this machine, None if the device is elsewhere."""

    def __init__(
        self,
        device: Device,
        jobs: Sequence[Job],
        files: Mapping[str, Path],
        slots: Slots | None,
        keep: Keep,
        told: Told,
    ) -> None:
        self._device, self._jobs, self._files = device, jobs, files
        self._slots, self._keep, self._told = slots or Slots(1), keep, told
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._command: Command | None = None
        self._is_open = False
        self._gone: str | None = None
        self._lost_in_a_row = 0

    def run(self) -> None:
        """All jobs; raises OutputError if a card cannot be kept, and nothing if it is stopped."""
        try:
            for job in self._jobs:
                self._one(job)
        except Stopped:
            pass
        finally:
            self._close()

    def stop(self) -> None:
        """End soon, from another thread: the job that runs is killed and leaves no card."""
        self._stop.set()
        with self._lock:
            if self._command is not None:
                self._command.kill()

    def _one(self, job: Job) -> None:
        with tempfile.TemporaryDirectory(prefix="edgeseg-farm-") as folder:
            masks = Path(folder) / "masks"
            made = self._card(job, masks)
            self._keep(job, made, masks if made.items else None)
        self._told.finished(job, made)

    def _card(self, job: Job, masks: Path) -> Card:
        first: str | None = None
        while self._gone is None:
            try:
                self._reach(job)
                made = self._attempt(job, masks)
                self._lost_in_a_row = 0
                return made
            except (DeviceLost, OSError) as error:
                if self._stop.is_set():
                    raise Stopped from error
                was_open = self._is_open
                self._close()
                if first is None:
                    first = one_line(str(error))
                    self._told.note(self._device.name, f"{first} It is tried once more.")
                    continue
                self._told.note(self._device.name, f"and again: {error}")
                self._lost_in_a_row += 1
                if was_open and self._lost_in_a_row < _MOST_LOST:
                    return without_scores(job, "lost", first)
                self._gone = first  # the rest of its jobs would only wait for the same
        return without_scores(job, "lost", self._gone)

    def _reach(self, job: Job) -> None:
        if self._is_open:
            return
        with self._slots.taken(1, self._stop.is_set):
            self._go_on()
            self._told.doing(job, "setting up", 0, 0)
            self._device.setup(lambda line: self._told.note(self._device.name, line))
            self._device.open()
            sent = self._device.put(self._files)
            self._told.note(self._device.name, f"{sent / 1e6:.1f} MB of {len(self._files)} files sent")
            ended = self._run(HELLO, _HELLO_S[self._device.timing], lambda line: None)
            if ended.code != 0:
                why = _last_line(ended.stderr) or f"its Python ended with {ended.code}"
                raise DeviceLost(f"{self._device.name} lacks what edgeseg needs: {why.rstrip('.')}.")
        self._is_open = True

    def _attempt(self, job: Job, masks: Path) -> Card:
        with self._slots.taken(self._slots.count if job.is_timed else 1, self._stop.is_set):
            self._go_on()
            self._told.doing(job, "starting", 0, 0)
            ended = self._run(job.argv, job.timeout_s, lambda line: self._heard(job, line))
        if ended.code == 0:
            return self._fetched(job, masks)
        if ended.code is None:
            return without_scores(job, "hung", f"It was killed after {job.timeout_s:g} s.")
        why = _last_line(ended.stderr)
        if ended.code in _OF_DEVICE:
            raise DeviceLost(f"{self._device.name}: {why or f'exit code {ended.code}'}")
        return without_scores(job, "died", f"{_ending(ended.code)}{f': {why}' if why else ''}")

    def _run(self, argv: Sequence[str], timeout_s: float, heard: Callable[[str], None]) -> Ended:
        command = self._device.start(argv, timeout_s)
        with self._lock:
            self._command = command
        try:
            if self._stop.is_set():
                command.kill()
            for line in command.lines():
                heard(line)
            ended = command.wait()
        except BaseException:
            command.kill()
            raise
        finally:
            with self._lock:
                self._command = None
        self._go_on()
        return ended

    def _heard(self, job: Job, line: str) -> None:
        words = line.split()
        if len(words) == 4 and words[0] == "progress" and words[2].isdecimal() and words[3].isdecimal():
            self._told.doing(job, words[1], int(words[2]), int(words[3]))

    def _fetched(self, job: Job, masks: Path) -> Card:
        """The card that the device wrote, its masks in `masks`; raises DeviceLost for another one's."""
        out = f"out/{job.candidate.key}"
        with tempfile.TemporaryDirectory(prefix="edgeseg-farm-") as folder:
            here = Path(folder) / "card.json"
            try:
                self._device.get(f"{out}.json", here)
                made = card.from_json(here.read_text(encoding="utf-8"))
                named = {item.mask for item in made.items if item.mask}
                if named:
                    self._device.get(out, masks)
            except (FileNotFoundError, ValueError) as error:
                raise DeviceLost(f"{self._device.name} sent no card back: {error}.") from error
        if (made.device, made.candidate) != (job.device, job.candidate) or made.golden != job.golden:
            raise DeviceLost(f"{self._device.name} sent back the card of another job: {made.candidate}.")
        for file in masks.iterdir() if masks.is_dir() else ():
            if f"{job.candidate.key}/{file.name}" not in named:  # of an earlier run with other pictures
                file.unlink()
        return made

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def _close(self) -> None:
        self._is_open = False
        self._device.close()


def without_scores(job: Job, kind: FaultKind, detail: str) -> Card:
    """The card of a job that brought none."""
    return Card(
        job.device,
        job.kind,
        job.timing,
        job.candidate,
        job.tier.precision,
        False,
        job.tier.sha256,
        {},
        job.golden,
        fault=Fault(kind, detail),
    )


def _ending(code: int) -> str:
    """How a command ended, for people: by a signal directly, or as a shell tells it."""
    number = -code if code < 0 else code - 128 if 128 < code < 160 else 0
    try:
        return f"Its process died of {signal.Signals(number).name}"
    except ValueError:
        return f"Its process ended with exit code {code}"


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("INFO:")]
    return one_line(lines[-1].strip())[:500] if lines else ""
