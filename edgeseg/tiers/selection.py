"""Which candidates a device tries, in which order, and which it refuses. Pure: plain values in, plain values out."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from edgeseg.tiers.catalogue import Tier
from edgeseg.tiers.ladder import DEFAULT_FPS, Candidate, Ladder, Measured, budget_ms, quality

GATE = 0.01  # of mean IoU: see docs/selection.md for what moves a score by how much
_NEAR = 0.25  # candidates whose times are so near to one on the ladder are worth a closer look
_SLOW_INT8 = 1.3  # times FP32, where a processor has no instructions for sums of 8-bit products
_DOT_PRODUCTS = frozenset(("asimddp", "i8mm", "avx512_vnni", "avx_vnni"))
_ANY = 1e-7  # ms, where nothing was measured yet: any number gives the same order
_BYTES = {"fp32": 4, "fp16": 2, "int8": 1}


class Allowed(NamedTuple):
    """What a board and its profile allow.

    engines: in the order in which they are tried. threads: of the engine cpu. memory_mb: most that the process may
    take, None if nobody set a limit. features: of the processor, as the kernel names them.
    """

    engines: tuple[str, ...] = ("cpu",)
    threads: tuple[int, ...] = (1,)
    memory_mb: float | None = None
    fps: float = DEFAULT_FPS
    features: frozenset[str] = frozenset()


def threads_to_try(cores: int) -> tuple[int, ...]:
    """1 to one less than the cores, and at most 4: the source and the picture need a core too.

    With both of two cores in the engine a mask came sooner and fewer frames a second were shown.
    """
    return tuple(range(1, max(1, min(4, cores - 1)) + 1))


def candidates(tiers: Iterable[Tier], allowed: Allowed) -> list[Candidate]:
    """Every tier on every engine that could take it. Files for an Edge TPU run there, and nothing else does."""
    found = []
    for tier in tiers:
        for engine in allowed.engines:
            if (tier.twin is not None) == (engine == "edgetpu"):
                counts = allowed.threads if engine == "cpu" else (1,)
                found += [Candidate(tier.name, engine, count) for count in counts]
    return found


def estimate_ms(
    candidate: Candidate, tiers: Mapping[str, Tier], measured: Sequence[Measured], allowed: Allowed
) -> float:
    """What a frame may take, from what others took; good for an order and no more.

    Times grow with the pixels within a family, by the likest candidate that was measured: on the same engine, of the
    same family, with as many threads. Where there is none, they grow with the root of the weights too.
    """
    tier = tiers[candidate.tier]

    def likeness(other: Measured) -> tuple[bool, bool, bool, float]:
        known = tiers[other.candidate.tier]
        return (
            other.candidate.engine == candidate.engine,
            known.family == tier.family,
            other.candidate.threads == candidate.threads,
            -abs(math.log(_pixels(known) / _pixels(tier))),
        )

    there = [one for one in measured if one.candidate.tier in tiers]
    if not there:
        return _ANY * _work(tier, allowed) * _root_of_weights(tier)
    likest = max(there, key=likeness)
    known = tiers[likest.candidate.tier]
    weights = 1.0 if known.family == tier.family else _root_of_weights(tier) / _root_of_weights(known)
    return likest.ms * weights * _work(tier, allowed) / _work(known, allowed)


def most_promising(
    left: Collection[Candidate], tiers: Mapping[str, Tier], measured: Sequence[Measured], allowed: Allowed
) -> Candidate:
    """The candidate to measure next: one that may be chosen for the rate before one that only makes the ladder longer.

    First those that no measured one beats, as far as can be told; of them those that fit the rate; of them the best.
    """

    def rank(candidate: Candidate) -> tuple[bool, bool, float, float, int, Candidate]:
        tier, ms = tiers[candidate.tier], estimate_ms(candidate, tiers, measured, allowed)
        good = quality(tier.golden) or 0.0
        beaten = any((quality(one.golden) or 0.0) > good and one.ms < ms * (1 - _NEAR) for one in measured)
        engine = allowed.engines.index(candidate.engine)
        return (beaten, ms > budget_ms(allowed.fps), -good, ms, engine, candidate)

    return min(left, key=rank)


def finalists(ladder: Ladder, measured: Iterable[Measured], framing: str = "any") -> list[Measured]:
    """Who is on the ladder or near it in time, so that a closer look may change places; the best first."""

    def is_near(one: Measured) -> bool:
        good = quality(one.golden, framing)
        if good is None:
            return False
        better = [rung.ms for rung in ladder.rungs if rung.quality >= good]
        return not better or one.ms <= min(better) * (1 + _NEAR)

    return sorted(filter(is_near, measured), key=lambda one: -(quality(one.golden, framing) or 0.0))


def refusal_by_score(score: float, expected: float) -> str | None:
    """Why a candidate's score on the small golden set refuses it; None if it is as it should be.

    A score that is higher than expected is another mask too, but no worse one.
    """
    if expected - score <= GATE + 1e-9:
        return None
    return (
        f"its masks are worse than they should be: mean IoU {score:.4f} on the small golden set instead of"
        f" {expected:.4f}, {(expected - score) * 100:.1f} points less, more than {GATE * 100:g}"
    )


def _pixels(tier: Tier) -> int:
    return tier.height * tier.width


def _work(tier: Tier, allowed: Allowed) -> float:
    """How much there is to compute for weights that are given, in a unit of its own."""
    slow = _SLOW_INT8 if tier.precision == "int8" and not allowed.features & _DOT_PRODUCTS else 1.0
    return _pixels(tier) * slow


def _root_of_weights(tier: Tier) -> float:
    return math.sqrt(tier.bytes / _BYTES[tier.precision])
