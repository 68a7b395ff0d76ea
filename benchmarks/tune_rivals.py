"""Grid search for the governor's rivals: `python -m benchmarks.tune_rivals`, some ten minutes.

Both are tuned on the very scenarios on which they are compared, which is more than the governor's own constants got.
What is least: the mean, over the scenarios, of the share of lost seconds, the quality missing, a hundredth of the
changes a minute, and the share of seconds over a limit. The ten best of each are printed; the best stand in
edgeseg/simulation/rivals.py.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from edgeseg.governor import Ladder, Policy
from edgeseg.simulation.rivals import GRIDS, Aimd, AimdSettings, Steps, StepsSettings
from edgeseg.simulation.run import Controller, Run, run_oracle, run_with
from edgeseg.simulation.scenarios import scenarios
from edgeseg.simulation.score import score

KINDS: dict[str, tuple[type, Callable[..., Controller]]] = {
    "steps": (StepsSettings, Steps),
    "aimd": (AimdSettings, Aimd),
}


def cost(make: Callable[[Policy, Ladder], Controller], oracles: dict[str, Run]) -> float:
    """What is to be least."""
    total = 0.0
    for name, scenario in scenarios().items():
        row = score(run_with(scenario, "rival", make), oracles[name])
        total += (1 - row.in_band) + row.quality_regret + row.switches_per_min / 100
        total += row.limit_violation_s / scenario.seconds
    return total / len(scenarios())


def search(kind: str, oracles: dict[str, Run]) -> list[tuple[float, Any]]:
    """(cost, settings) of all of a kind's grid, the best first."""
    settings_class, controller = KINDS[kind]
    grid = list(itertools.product(*GRIDS[kind].values()))
    found = []
    for number, values in enumerate(grid, 1):
        settings = settings_class(**dict(zip(GRIDS[kind], values, strict=True)))
        found.append((cost(partial(controller, settings=settings), oracles), settings))
        print(f"{kind}: {number} of {len(grid)}", end="\r", file=sys.stderr)
    return sorted(found, key=lambda one: one[0])


def main() -> None:
    """Search the grids, those named on the command line or both, and print the ten best of each."""
    oracles = {name: run_oracle(scenario) for name, scenario in scenarios().items()}
    for kind in sys.argv[1:] or KINDS:
        for value, settings in search(kind, oracles)[:10]:
            print(f"{value:.4f} {settings}")


if __name__ == "__main__":
    main()
