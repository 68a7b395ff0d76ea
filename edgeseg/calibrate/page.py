"""What `edgeseg calibrate` and `edgeseg ladder` say: rows for people, and one object for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edgeseg.tiers.kept import Kept
from edgeseg.tiers.ladder import Candidate, Choice, Ladder, Refusal, Rung

LEGEND = (
    "ms: a frame from capture to picture while nothing else runs; p50 and p95 are of this session, whatever else ran",
    "quality: mean IoU on the large golden sets; it orders the rungs",
    "score here: on the small golden set, on this device; it only shows that the tier works as it should",
)


def ladder_rows(ladder: Ladder, choice: Choice | None) -> list[dict[str, Any]]:
    """The rungs, the best first."""
    rows = []
    for rung in reversed(ladder.rungs):
        one = rung.measured
        rows.append(
            {
                "tier": one.candidate.tier,
                "engine": one.candidate.engine,
                "threads": one.candidate.threads,
                "ms": f"{rung.ms:.2f}",
                "p50": f"{one.p50_ms:.2f}",
                "p95": f"{one.p95_ms:.2f}",
                "quality": f"{rung.quality:.4f}",
                "score here": f"{one.score:.4f}",
                "MB": f"{one.memory_mb:.0f}",
                "": "taken" if choice is not None and choice.rung == rung else "",
            }
        )
    return rows


def refusal_lines(refusals: Iterable[Refusal]) -> list[str]:
    """The refused candidates, those with the same reason in one line."""
    by_reason: dict[str, list[Candidate]] = {}
    for one in refusals:
        by_reason.setdefault(one.reason, []).append(one.candidate)
    lines = []
    for reason, candidates in by_reason.items():
        more = f" and {len(candidates) - 1} more" if len(candidates) > 1 else ""
        lines.append(f"refused: {candidates[0]}{more}: {reason}")
    return lines


def summary_lines(kept: Kept, ladder: Ladder, choice: Choice | None, left: int) -> list[str]:
    """What goes below the table."""
    lines = [f"{kept.board}; {kept.runtime}; {kept.when}"]
    off = len(kept.measured) - len(ladder.rungs)
    lines.append(f"{len(kept.measured)} candidates measured, {off} of them no better than a rung that is as fast")
    lines += refusal_lines(kept.refusals)
    if left:
        lines.append(f"{left} candidates were not reached in that time: run it again for them, or give more --time")
    if ladder.rungs:
        lines += LEGEND
    if choice is not None:
        lines.append(f"taken: {choice.rung.measured.candidate}: {choice.reason}")
    return lines


def as_json(
    kept: Kept, ladder: Ladder, choice: Choice | None, fps: float, more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """All of it as plain values."""
    return {
        "board": kept.board,
        "runtime": kept.runtime,
        "when": kept.when,
        "fps": fps,
        "choice": _choice(choice),
        "ladder": [_rung(rung) for rung in ladder.rungs],
        "measured": [{**one.candidate._asdict(), **_without_candidate(one)} for one in kept.measured],
        "refused": [{**one.candidate._asdict(), "reason": one.reason} for one in kept.refusals],
        **(more or {}),
    }


def _choice(choice: Choice | None) -> dict[str, Any] | None:
    return {**_rung(choice.rung), "fits": choice.fits, "reason": choice.reason} if choice is not None else None


def _rung(rung: Rung) -> dict[str, Any]:
    candidate = rung.measured.candidate._asdict()
    return {**candidate, "every": rung.every, "ms": rung.ms, "quality": round(rung.quality, 5)}


def _without_candidate(one: Any) -> dict[str, Any]:
    return {name: value for name, value in one._asdict().items() if name != "candidate"}
