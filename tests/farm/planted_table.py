"""Plants what goes wrong into real devices, and writes down what the farm says of each.

    python -m tests.farm.planted_table [--only NAME,...] [--report DIR] [--timed] > table.md

Two runs of the farm with the same devices: one without faults, which is accepted as the baseline, and one with a fault
in each device. --timed takes the times that a speed is judged by, which is some minutes; without it `slower` is left
out. What needs OpenVINO is left out where it is not to be had.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.farm import approval, report, session
from deploy.farm.judging import Outcome
from deploy.farm.kinds import KINDS
from deploy.farm.rules import Status
from deploy.farm.screen import watching
from edgeseg.errors import Unreachable
from edgeseg.golden import SMALL
from tests.farm.planted import ALL, FP32, PLANTS, Plant, without
from tests.lab import accelerators

_SHORT = re.compile(r"/\S*/(?=edgeseg/)")  # the folder of a device, which is another at each time


@dataclass(frozen=True)
class Row:
    """What was planted, how many of the tiers that have it were named rightly, and what was said of the first."""

    plant: Plant
    right: int
    wrong: tuple[str, ...]
    said: str

    @property
    def is_right(self) -> bool:
        """Whether all that have the fault were named by a right reason, and nothing else was."""
        return self.right == len(self.plant.tiers) and not self.wrong


def rows(
    plants: Sequence[Plant],
    work: Path,
    timed: bool,
    page: Path | None = None,
    tiers: Sequence[str] = ALL,
    wheel: Path | None = None,
) -> list[Row]:
    """Run the farm twice and compare.

    work: a folder for everything. page: where the report of the second run is put. tiers: that every device runs.
    wheel: None for one of the checkout.
    """
    KINDS["planted"] = "tests.farm.planted:Planted"
    try:
        clean = _run(plants, work, "clean", timed, tiers, wheel)
        cards = [(outcome.card, outcome.beside) for outcome in clean.outcomes]
        approval.approve(work / "baselines", cards, "nothing is planted", "planted_table", "2026-11-25", "0")
        done = _run(plants, work, "planted", timed, tiers, wheel)
    finally:
        del KINDS["planted"]
    if page is not None:
        report.write(page, done.outcomes, done.golden, work / "baselines", "with faults planted")
    return [_row(plant, [one for one in done.outcomes if one.card.device == plant.name]) for plant in plants]


def table(found: Sequence[Row]) -> Iterator[str]:
    """The table, in Markdown."""
    yield "| planted | in | named | what the farm says, of the first |"
    yield "| --- | --- | --- | --- |"
    for row in found:
        of = f"{len(row.plant.tiers)} of {len(ALL)} tiers" if row.plant.without is None else "the npu engine"
        named = f"{row.right} of {len(row.plant.tiers)}" + (
            f", and wrongly {', '.join(row.wrong)}" if row.wrong else ""
        )
        yield f"| {row.plant.told} | {of} | {named} | {_SHORT.sub('.../', row.said)} |"


def available(timed: bool) -> list[Plant]:
    """The plants that can be planted here."""
    found = []
    for plant in PLANTS:
        if plant.name == "slower" and not timed:
            continue
        if plant.without is not None:
            try:
                if accelerators.missing("npu"):
                    continue
                accelerators.npu()
            except Unreachable as error:
                print(f"{plant.name} is left out: {error}", file=sys.stderr)
                continue
        found.append(plant)
    return found


def _run(
    plants: Sequence[Plant], work: Path, which: str, timed: bool, tiers: Sequence[str], wheel: Path | None
) -> session.Session:
    """One run of the farm, by a farm file as users write them (JSON is YAML)."""
    devices = {plant.name: _entry(plant, which == "planted", work, timed, tiers) for plant in plants}
    file = work / f"{which}.yaml"
    budget = {"timeout_s": 240 if timed else 20}
    file.write_text(json.dumps({"golden": str(SMALL), "budget": budget, "devices": devices}))
    farm = session.read(file)
    return session.run(
        farm, list(devices), work / which, work / "cache", work / "baselines", "20261125-000000", watching, wheel=wheel
    )


def _entry(plant: Plant, is_planted: bool, work: Path, timed: bool, tiers: Sequence[str]) -> dict[str, object]:
    entry: dict[str, object] = {
        "kind": "planted",
        "tiers": list(tiers),
        "quick": not (timed and plant.name == "slower"),
    }
    if plant.name == "hang" and is_planted:
        entry["timeout_s"] = 8.0
    if is_planted:
        entry["plant"] = plant.name
    if plant.without is not None:
        site = accelerators.npu()
        if is_planted:
            site = without(site, plant.without, work / "site")
        entry |= {"tiers": [FP32], "engines": ["npu"], "engine_device": "CPU", "env": {"PYTHONPATH": str(site)}}
    return entry


def _row(plant: Plant, outcomes: Sequence[Outcome]) -> Row:
    ill = [one for one in outcomes if one.card.candidate.tier in plant.tiers]
    right = [one for one in ill if _is_right(plant, one)]
    wrong = [
        f"{one.card.candidate.tier}: {one.verdict.reason.value if one.verdict.reason else one.verdict.status.value}"
        for one in outcomes
        if one not in right and (one in ill or one.verdict.status is not Status.OK)
    ]
    return Row(plant, len(right), tuple(wrong), ill[0].verdict.sentence if ill else "nothing")


def _is_right(plant: Plant, outcome: Outcome) -> bool:
    """A right reason, the worst picture named where pictures are what fell, and the cause where masks prove it."""
    verdict = outcome.verdict
    if verdict.status is not Status.REGRESSED or verdict.reason not in plant.reasons:
        return False
    return plant.cause is None or plant.cause in (verdict.cause or "")


def main() -> int:
    """Write the table; 1 if anything was not caught, or named wrongly."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--timed", action="store_true")
    given = parser.parse_args()
    plants = [plant for plant in available(given.timed) if not given.only or plant.name in given.only.split(",")]
    with tempfile.TemporaryDirectory(prefix="edgeseg-planted-") as work, contextlib.suppress(KeyboardInterrupt):
        found = rows(plants, Path(work), given.timed, given.report)
        print("\n".join(table(found)))
        return 0 if all(row.is_right for row in found) else 1
    return 130


if __name__ == "__main__":
    sys.exit(main())
