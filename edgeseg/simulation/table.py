"""All policies in a scenario, and the rows of them."""

from __future__ import annotations

from collections.abc import Iterable

from edgeseg.simulation.rivals import Aimd, Steps
from edgeseg.simulation.run import Governor, Run, run_oracle, run_with
from edgeseg.simulation.scenarios import Scenario
from edgeseg.simulation.score import Row, score


def compared(scenario: Scenario) -> tuple[list[Row], dict[str, Run]]:
    """The rows of edgeseg, the oracle and both rivals, and the runs behind them."""
    oracle = run_oracle(scenario)
    runs = {
        "edgeseg": run_with(scenario, "edgeseg", Governor),
        "oracle": oracle,
        "steps": run_with(scenario, "steps", Steps),
        "aimd": run_with(scenario, "aimd", Aimd),
    }
    return [score(run, oracle) for run in runs.values()], runs


def means(rows: Iterable[Row], policy: str) -> Row:
    """The mean of a policy's rows; settling times: the longest."""
    own = [row for row in rows if row.policy == policy]
    count = max(1, len(own))
    return Row(
        "mean",
        policy,
        sum(row.in_band for row in own) / count,
        max((row.settle_down_s for row in own if row.settle_down_s is not None), default=None),
        max((row.settle_up_s for row in own if row.settle_up_s is not None), default=None),
        sum(row.quality_regret for row in own) / count,
        sum(row.switches_per_min for row in own) / count,
        sum(row.limit_violation_s for row in own) / count,
        sum(row.span_regret for row in own) / count,
    )
