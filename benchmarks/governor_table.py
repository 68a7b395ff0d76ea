"""The table and the plots of docs/governor.md: `python -m benchmarks.governor_table`, some forty seconds.

What it writes is what `edgeseg governor simulate` measures and `--plot` draws. `--seeds 1 2 3` prints instead how the
governor does with other chance, for the paragraph below the table.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from edgeseg.commands.governor import _shown, _trace_of
from edgeseg.simulation.plot import draw
from edgeseg.simulation.scenarios import scenarios
from edgeseg.simulation.score import Row
from edgeseg.simulation.table import compared, means

DOCS = Path(__file__).parent.parent / "docs"
PLOTS = ("load-x2", "closed-box", "everything-at-once")
BEGIN, END = "<!-- simulated: begin -->", "<!-- simulated: end -->"


def table() -> str:
    """All rows as Markdown; the plots are drawn on the way."""
    rows: list[Row] = []
    for name, scenario in scenarios().items():
        found, runs = compared(scenario)
        rows += found
        if name in PLOTS:
            best = [(look.at_s, look.rung.quality) for look in runs["oracle"].looks]
            title = f"{name} on {scenario.board.name}, simulated"
            draw(_trace_of(runs["edgeseg"]), DOCS / "images" / f"governor-{name}.png", title, best)
    shown = [
        _shown(row) for row in (*rows, *(means(rows, policy) for policy in ("edgeseg", "oracle", "steps", "aimd")))
    ]
    lines = [" | ".join(shown[0]), " | ".join("---" if number < 2 else "---:" for number in range(len(shown[0])))]
    lines += [" | ".join(row.values()) for row in shown]
    return "\n".join(f"| {line} |" for line in lines)


def other_chance(seeds: list[int]) -> None:
    """The worst of each figure over all scenarios, for each seed; then the quality lost by all, over all seeds."""
    lost: dict[tuple[str, str], list[Row]] = {}
    for seed in seeds:
        rows = []
        for scenario in scenarios().values():
            found, _ = compared(replace(scenario, seed=seed))
            rows += [row for row in found if row.policy == "edgeseg"]
            for row in found:
                lost.setdefault((row.scenario, row.policy), []).append(row)
        mean = means(rows, "edgeseg")
        worst = min(rows, key=lambda row: row.in_band)
        busiest = max(rows, key=lambda row: row.switches_per_min)
        print(
            f"seed {seed}: in band {mean.in_band:.2%}, least {worst.in_band:.2%} ({worst.scenario}); settles in"
            f" {mean.settle_down_s:.2f} and {mean.settle_up_s:.2f} s; quality lost {mean.quality_regret:.2%}; changes"
            f" {mean.switches_per_min:.2f} a minute, most {busiest.switches_per_min:.2f} ({busiest.scenario}); over a"
            f" limit {sum(row.limit_violation_s for row in rows):.1f} s"
        )
    for (name, policy), rows in lost.items():
        if policy != "oracle":
            mean = means(rows, policy)
            over_s = mean.limit_violation_s
            figures = f"in band {mean.in_band:.2%}, quality lost {mean.quality_regret:.3%}, over a limit {over_s:.0f} s"
            print(f"{name}, {policy}: {figures}")


def main() -> None:
    """Write docs/governor.md and its plots, or print other seeds' figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", nargs="*", type=int, default=[])
    seeds = parser.parse_args().seeds
    if seeds:
        other_chance(seeds)
        return
    page = DOCS / "governor.md"
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
