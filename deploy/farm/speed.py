"""Whether a candidate got slower, on devices whose times mean something.

A rule of MLPerf's kind: p50 and p90 of at least 1024 inferences in a row over at least 60 s, both held to the
baseline's with an allowance of 20 %. Both, for what else the machine does lifts p90 long before p50, and what made the
candidate itself slower lifts both.

That is not enough on a machine with other work, where all times may double. So a candidate is also held against the
other candidates of the same run on the same device. Its slowness is now over before; theirs say what the machine did:

- it alone is slower, by more than the allowance and clearly more than the others' median: the candidate regressed;
- all are slower, and evenly so: what they share did it (runtime, kernels, the board's clock), and all regressed;
- all are slower, unevenly: work that comes and goes does that. It is a note and not a regression: measure again.

The price: a slowness of all alike that other work caused for a whole run, evenly, is called a regression; and one that
comes on top of a busy machine may go under. With nothing to compare with, the candidate's own times alone decide.
What looks slower is timed once more (`is_worth_again`), and the `quieter` card counts: noise passes, slowness stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from deploy.farm.card import Card, Speed
from deploy.farm.rules import Finding, Reason, Rules

_FEWEST_PEERS = 2
_DISTURBED = 1.5  # p90 over p50: 1.1 to 1.2 on a quiet machine, 8 and more where others take whole slices of its time


def compare(
    baseline: Card, now: Card, peers: Sequence[tuple[Card, Card]], rules: Rules
) -> tuple[list[Finding], list[str]]:
    """The finding if it got slower, and notes on why its speed was not judged."""
    why_not = _not_judged(baseline, now, rules)
    if why_not or now.speed is None or baseline.speed is None:
        return [], [why_not] if why_not else []
    own = slowness(baseline.speed, now.speed)
    told = (
        f"p90 {now.speed.p90:.2f} ms, {now.speed.p90 / baseline.speed.p90:.2f} times the baseline's"
        f" {baseline.speed.p90:.2f}, and p50 {now.speed.p50:.2f} ms, {now.speed.p50 / baseline.speed.p50:.2f} times"
        f" {baseline.speed.p50:.2f}"
    )
    if own <= rules.most_slower:
        return [], []
    others = [
        slowness(before.speed, after.speed)
        for before, after in peers
        if before.speed and after.speed and not _not_judged(before, after, rules)
    ]
    if len(others) < _FEWEST_PEERS:
        text = f"it is slower: {told} (too little else was timed to see the machine's part)"
        return [Finding(Reason.SPEED, text)], []
    usual = max(1.0, median(others))
    if own / usual > 1 + (rules.most_slower - 1) / 2:
        return [Finding(Reason.SPEED, f"it is slower: {told}, while the device's others are at {usual:.2f}")], []
    slowest, quickest = max(own, *others), min(own, *others)
    if quickest > rules.most_slower and slowest / quickest <= rules.same_slowness:
        text = f"all {len(others) + 1} candidates of the device are slower alike, {quickest:.2f} to {slowest:.2f} times"
        return [Finding(Reason.SPEED, f"{text}: {told}")], []
    return [], [
        f"slower, but so is the whole device, unevenly ({quickest:.2f} to {slowest:.2f} times): other work was going"
        f" on, measure again ({told})"
    ]


def is_worth_again(baseline: Card, now: Card, rules: Rules) -> bool:
    """Whether a candidate looks slower by its own times, whatever the others say: then it is to be timed once more."""
    if now.speed is None or baseline.speed is None or _not_judged(baseline, now, rules):
        return False
    return slowness(baseline.speed, now.speed) > rules.most_slower


def slowness(before: Speed, after: Speed) -> float:
    """How many times slower by p50 and by p90 both: the lesser of the two.

    Of a baseline that was disturbed, its p90 far above its p50, p90 says what else went on then, and p50 alone counts.
    """
    if before.p90 > _DISTURBED * before.p50:
        return after.p50 / before.p50
    return min(after.p50 / before.p50, after.p90 / before.p90)


def quieter(first: Card, again: Card) -> Card:
    """The first card with the faster of the two timings, and the heat that goes with it."""
    if first.speed is None or again.speed is None or again.speed.p50 >= first.speed.p50:
        return first
    return replace(first, speed=again.speed, heat=again.heat)


def is_long_enough(speed: Speed, rules: Rules) -> bool:
    """Whether a timing rests on enough to be judged."""
    return speed.inferences >= rules.fewest_inferences and speed.seconds >= rules.least_seconds


def _not_judged(baseline: Card, now: Card, rules: Rules) -> str | None:
    if "emulated" in (now.timing, baseline.timing):
        return "not judged for speed: the device is emulated, and its times say nothing of a real one"
    if now.speed is None or now.speed.inferences == 1:
        return "not judged for speed: it was not timed"
    if not is_long_enough(now.speed, rules):
        return (
            f"not judged for speed: too few, {now.speed.inferences} inferences in {now.speed.seconds:.0f} s, where"
            f" {rules.fewest_inferences} and {rules.least_seconds:.0f} s are the least"
        )
    if baseline.speed is None or not is_long_enough(baseline.speed, rules):
        return "not judged for speed: the baseline has no timing that is long enough"
    here, there = now.runtime.get("board"), baseline.runtime.get("board")
    if here != there:
        return f"not judged for speed: it ran on {here or 'an unknown board'}, the baseline on {there or 'another'}"
    began, before = (card.heat.before if card.heat else None for card in (now, baseline))
    if began is not None and before is not None and began - before > rules.most_warmer:
        return f"not judged for speed: it began at {began:.0f} C, the baseline at {before:.0f} C; let it cool down"
    return None
