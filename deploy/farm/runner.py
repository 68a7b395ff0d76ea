"""All devices of a run at once, each in its lane, until every job has its card."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from deploy.farm.card import Card
from deploy.farm.device import Device
from deploy.farm.jobs import Job
from deploy.farm.kinds import ELSEWHERE
from deploy.farm.lane import Lane, Told
from deploy.farm.runs import Run
from deploy.farm.slots import Slots
from deploy.farm.speed import quieter

Part = tuple[Device, Sequence[Job], Mapping[str, Path]]
"""A device, its jobs, and the files that it needs for them."""

_LOOK_S = 0.2


def run_jobs(run: Run, parts: Sequence[Part], told: Told, again: Collection[str] = ()) -> None:
    """Do the jobs whose cards are not there yet, and once more those named in `again`, of which the faster time counts.

    Raises OutputError if a card cannot be kept, and KeyboardInterrupt as it comes: what runs is killed then, and
    what is done stays done.
    """
    slots = Slots(len(os.sched_getaffinity(0)))
    lanes: list[Lane] = []
    errors: list[BaseException] = []

    def keep(job: Job, made: Card, masks: Path | None) -> None:
        first = run.card_of(job)
        if first is None:
            run.keep(job, made, masks)
        elif made.fault is None:
            run.replace(job, quieter(first, made))

    for device, jobs, files in parts:
        left = [job for job in jobs if job.name in again or run.card_of(job) is None]
        if left:
            lanes.append(Lane(device, left, files, None if device.kind in ELSEWHERE else slots, keep, told))

    def drive(lane: Lane) -> None:
        try:
            lane.run()
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits
            errors.append(error)

    threads = [threading.Thread(target=drive, args=(lane,), daemon=True) for lane in lanes]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads) and not errors:
            for thread in threads:
                thread.join(_LOOK_S / len(threads))
    finally:
        for lane in lanes:
            lane.stop()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]


def cards_of(run: Run, parts: Sequence[Part]) -> list[tuple[Card, Path]]:
    """The cards of all jobs of these parts, lost ones too, each with the folder of its masks."""
    found = []
    for _, jobs, _ in parts:
        for job in jobs:
            made = run.any_card_of(job)
            if made is not None:
                found.append((made, run.beside(job)))
    return found
