"""Measured candidates that were never measured, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

from edgeseg.tiers.ladder import Candidate, Measured


def measured(tier: str = "a", ms: float = 5.0, good: float = 0.9, **more: Any) -> Measured:
    """One candidate; good: its score on both large sets."""
    candidate = Candidate(tier, more.pop("engine", "cpu"), more.pop("threads", 1))
    values: dict[str, Any] = {
        **{"sha256": "0" * 64, "ms": ms, "p50_ms": ms, "p95_ms": ms * 2, "infer_ms": ms / 2, "runs": 30},
        **{"score": 0.95, "expected": 0.95, "golden": {"stills": good, "webcam": good, "small": 0.95}},
        **{"memory_mb": 100.0, "library": "fake 1", "delegated": 1, "nodes": 1},
    }
    return Measured(candidate=candidate, **(values | more))
