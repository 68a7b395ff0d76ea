"""The report as one object of plain values, for `--json` and for bundles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from edgeseg import __version__
from edgeseg.calibrate import page as ladder_page
from edgeseg.config.quantities import plain
from edgeseg.doctor.examine import Report
from edgeseg.doctor.finding import Finding
from edgeseg.doctor.outside import Outside


def as_json(report: Report, findings: Sequence[Finding] | None = None) -> dict[str, Any]:
    """Everything but the packed files. findings: in place of the report's own."""
    asked, taken = report.asked, report.taken
    return {
        "edgeseg": __version__,
        "saved_board": report.is_saved,
        "well": is_well(report),
        "findings": [one.as_json() for one in (report.findings if findings is None else findings)],
        "engines": {
            "requested": {
                "engine": asked.settings.engine,
                "by": asked.engine_by,
                "tier": asked.settings.tier,
                "list": list(asked.engines()),
            },
            "would_take": None if taken.candidate is None else {**taken.candidate._asdict(), "why": taken.why},
            "actual": _serves(report),
            "trials": [one.as_json() for one in report.trials],
        },
        "ladder": _ladder(report),
        "profile": _profile(report),
        "board": asdict(report.found),
        "outside": None if report.outside is None else _outside(report.outside),
        "versions": {name: fact.value for name, fact in report.found.software.packages.items()},
    }


def _outside(outside: Outside) -> dict[str, Any]:
    return {**asdict(outside), "groups": sorted(outside.groups), "listed": sorted(outside.listed)}


def is_well(report: Report) -> bool:
    """Whether there is neither a fault nor a warning."""
    return not any(one.severity in ("fault", "warning") for one in report.findings)


def _serves(report: Report) -> dict[str, Any] | None:
    trial = report.serves
    if trial is None or trial.report is None:
        return None
    return {"engine": trial.engine, "tier": trial.tier, "adapter": trial.report.adapter, "p50_ms": trial.p50_ms}


def _ladder(report: Report) -> dict[str, Any] | None:
    taken = report.taken
    if taken.kept is None or taken.ladder is None:
        return None
    return ladder_page.as_json(taken.kept, taken.ladder, taken.choice, report.asked.fps)


def _profile(report: Report) -> dict[str, Any] | None:
    effective = report.asked.effective
    if effective is None:
        return None
    keys = {key: {"value": plain(value), "origin": origin} for key, value, origin in effective.items()}
    return {"name": effective.profile, "used_by_run": report.asked.uses_files, "keys": keys}
