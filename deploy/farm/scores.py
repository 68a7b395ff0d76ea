"""Two cards' scores, picture by picture, on the pictures that both have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from deploy.farm.card import Card, ItemCard
from deploy.farm.rules import Finding, Reason, Rules
from deploy.farm.statistics import difference

_SHOWN = 3  # pictures that a sentence names
_DECIDING = ("ai-edge-litert", "tflite-runtime", "opencv-python-headless")
Scores = Mapping[str, float]


def compare(
    baseline: Card, now: Card, rules: Rules, units: Mapping[str, str] | None = None
) -> tuple[list[Finding], list[str]]:
    """The rules that the scores and masks break, and notes on what they do not. units: see `statistics.difference`."""
    before, after = _common(baseline, now)
    notes = []
    if not before:
        return [Finding(Reason.NO_NUMBER, "it ran on none of the baseline's pictures")], []
    if len(before) < len(baseline.items):
        notes.append(f"judged on {len(before)} of the baseline's {len(baseline.items)} pictures")
    gone = tuple(name for name in before if _has_number(before[name]) and not _has_number(after[name]))
    if gone:
        return [Finding(Reason.NO_NUMBER, f"there is no score any more of {listed(gone)}", gone)], notes
    mean, chance = _mean(_iou(before), _iou(after), rules, units)
    findings = [
        *mean,
        *_p10(_iou(before), _iou(after), rules),
        *_single(_iou(before), _iou(after), rules),
        *_boundary(before, after, rules),
        *_false_area(before, after, rules),
    ]
    changed = _hashes(baseline, now, before, after) if baseline.bit_exact and now.bit_exact else None
    if changed is None and not findings and baseline.tier_sha256 == now.tier_sha256:
        changed = _moved(_iou(before), _iou(after), rules)
    return [*findings, *([changed] if changed else [])], [*notes, *chance]


def against_fp32(now: Card, peers: Sequence[Card], rules: Rules) -> Iterator[Finding]:
    """FP16 and INT8 that score far below the FP32 tier of the same family and size in the same run.

    The one on the same engine, else any: FP32 has one meaning.
    """
    if now.precision == "fp32":
        return
    twin = f"{now.candidate.tier.rpartition('-')[0]}-fp32"
    twins = [card for card in peers if card.candidate.tier == twin and card.fault is None]
    twins.sort(key=lambda card: card.candidate.engine != now.candidate.engine)
    for fp32 in twins[:1]:
        reference, own = _common(fp32, now)
        better, worse = _iou(reference), _iou(own)
        if not worse or np.mean(list(better.values())) <= 0:
            return
        share = float(np.mean(list(worse.values())) / np.mean([better[name] for name in worse]))
        if share < rules.least_of_fp32:
            items = _fallen(better, worse)[:_SHOWN]
            yield Finding(
                Reason.BELOW_FP32,
                f"it scores {share:.1%} of FP32's mean IoU on this device, and {rules.least_of_fp32:.0%} is the least",
                tuple(items),
            )


def worst_first(baseline: Card | None, now: Card) -> tuple[str, ...]:
    """All pictures of `now`: those that fell most, then those with the lowest score."""
    before = {item.item: item for item in baseline.items} if baseline else {}

    def key(item: ItemCard) -> tuple[float, float]:
        was = before.get(item.item)
        fall = _goodness(was) - _goodness(item) if was is not None and _has_number(was) else 0.0
        return -round(fall, 6), _goodness(item)

    return tuple(item.item for item in sorted(now.items, key=key))


def other_pictures(one: Card, other: Card) -> tuple[str, ...]:
    """The pictures by which two golden sets seem to differ: in one card only, or of other scores by the same model.

    Empty if nothing can be said: not the same model, or a card that has not all pictures of its set.
    """
    if one.tier_sha256 != other.tier_sha256 or any(not c.items or c.golden.items < c.golden.of for c in (one, other)):
        return ()
    before, after = ({item.item: item for item in card.items} for card in (one, other))
    return tuple(
        name
        for name in sorted(before.keys() | after.keys())
        if name not in before or name not in after or not same_scores(before[name], after[name])
    )


def same_scores(one: ItemCard, other: ItemCard) -> bool:
    """Whether two pictures' scores are the same; a baseline rounds them."""
    pairs = ((one.iou, other.iou), (one.boundary_f, other.boundary_f), (one.false_area, other.false_area))
    return all(a == b or (a is not None and b is not None and abs(a - b) < 1e-3) for a, b in pairs)


def same_bits(one: ItemCard, other: ItemCard) -> bool:
    """Whether two masks have the same hash; a baseline keeps the first digits of it."""
    digits = min(len(one.mask_sha256), len(other.mask_sha256))
    return one.mask_sha256[:digits] == other.mask_sha256[:digits]


def _common(one: Card, other: Card) -> tuple[dict[str, ItemCard], dict[str, ItemCard]]:
    """Both cards' pictures by name, those that both have, in the first one's order."""
    names = {item.item for item in other.items}
    first = {item.item: item for item in one.items if item.item in names}
    by_name = {item.item: item for item in other.items}
    return first, {name: by_name[name] for name in first}


def _has_number(item: ItemCard) -> bool:
    return item.iou is not None or item.false_area is not None


def _goodness(item: ItemCard) -> float:
    if item.iou is not None:
        return item.iou
    return 1 - item.false_area if item.false_area is not None else 0.0


def _iou(items: Mapping[str, ItemCard]) -> dict[str, float]:
    return {name: item.iou for name, item in items.items() if item.iou is not None}


def _mean(
    before: Scores, after: Scores, rules: Rules, units: Mapping[str, str] | None
) -> tuple[list[Finding], list[str]]:
    """The gate of the mean: the fall must be larger than allowed, and its interval must not reach 0.

    The allowance is for what rounding and other runtimes move; the interval is for the choice of the pictures.
    """
    if not before:
        return [], []
    old, new = float(np.mean(list(before.values()))), float(np.mean(list(after.values())))
    if old - new <= rules.most_fall:
        return [], []
    change = difference(before, after, units)
    told = f"mean IoU fell from {old:.4f} to {new:.4f}, {change}"
    if not change.is_fall(0.0):
        return [], [f"{told}: with so few pictures that may be chance"]
    items = _fallen(before, after)
    return [Finding(Reason.SCORE_MEAN, f"{told}; worst {_changes(items, before, after)}", tuple(items))], []


def _p10(before: Scores, after: Scores, rules: Rules) -> Iterator[Finding]:
    if not before:
        return
    old = float(np.percentile(list(before.values()), 10))
    new = float(np.percentile(list(after.values()), 10))
    if old - new > rules.most_p10_fall:
        items = sorted(after, key=lambda name: after[name])[:_SHOWN]
        text = f"the 10th percentile of IoU fell from {old:.4f} to {new:.4f}; worst {_changes(items, before, after)}"
        yield Finding(Reason.SCORE_P10, text, tuple(items))


def _single(before: Scores, after: Scores, rules: Rules) -> Iterator[Finding]:
    items = [name for name in _fallen(before, after) if before[name] - after[name] > rules.most_picture_fall]
    if items:
        many = f"{len(items)} of {len(before)} pictures fell" if len(items) > 1 else "one picture fell"
        text = f"{many} by more than {rules.most_picture_fall:g} in IoU: {_changes(items, before, after)}"
        yield Finding(Reason.SINGLE_PICTURE, text, tuple(items))


def _boundary(before: Mapping[str, ItemCard], after: Mapping[str, ItemCard], rules: Rules) -> Iterator[Finding]:
    old = {name: item.boundary_f for name, item in before.items() if item.boundary_f is not None}
    new = {name: after[name].boundary_f or 0.0 for name in old}
    if not old:
        return
    fell = float(np.mean(list(old.values())) - np.mean(list(new.values())))
    if fell > rules.most_boundary_fall:
        items = _fallen(old, new)
        text = f"boundary F fell from {np.mean(list(old.values())):.4f} to {np.mean(list(new.values())):.4f}"
        yield Finding(Reason.BOUNDARY, f"{text}; worst {_changes(items, old, new)}", tuple(items))


def _false_area(before: Mapping[str, ItemCard], after: Mapping[str, ItemCard], rules: Rules) -> Iterator[Finding]:
    old = {name: item.false_area for name, item in before.items() if item.false_area is not None}
    new = {name: after[name].false_area or 0.0 for name in old}
    if not old:
        return
    was, now = float(np.mean(list(old.values()))), float(np.mean(list(new.values())))
    if now - was > rules.most_false_area_rise:
        items = sorted(new, key=lambda name: old[name] - new[name])
        text = f"where nobody is, {now:.1%} of the picture is called person, {was:.1%} before ({listed(items)})"
        yield Finding(Reason.FALSE_AREA, text, tuple(items))


def _hashes(baseline: Card, now: Card, before: Mapping[str, ItemCard], after: Mapping[str, ItemCard]) -> Finding | None:
    """Masks that must be the same bits, and are not."""
    items = tuple(name for name in before if not same_bits(before[name], after[name]))
    if not items:
        return None
    if baseline.tier_sha256 == now.tier_sha256:
        why = "from the same file of the tier, and INT8 by XNNPACK gives the same bits on every processor"
        if other := _other_libraries(baseline, now):
            why = f"from the same file of the tier by other libraries: {other}"
    else:
        why = f"for the tier's file is another one ({now.tier_sha256[:12]}, before {baseline.tier_sha256[:12]})"
    text = f"{len(items)} of {len(before)} masks are not the baseline's bits, {why}"
    return Finding(Reason.MASK_HASH, f"{text}: {listed(items)}", items)


def _other_libraries(baseline: Card, now: Card) -> str:
    """Those that decide a mask's bits: the runtime, and OpenCV, which makes the model's input."""
    pairs = [(name, baseline.runtime.get(name), now.runtime.get(name)) for name in _DECIDING]
    return ", ".join(f"{name} {new or 'none'}, before {old or 'none'}" for name, old, new in pairs if old != new)


def _moved(before: Scores, after: Scores, rules: Rules) -> Finding | None:
    """Float masks of the same file that differ by more than rounding, though no score fell too far."""
    items = tuple(name for name in before if abs(before[name] - after[name]) > rules.same_score)
    if not items:
        return None
    return Finding(
        Reason.MASK_CHANGED,
        f"the same file of the tier gives other masks than rounding explains (IoU moved by more than"
        f" {rules.same_score:g}): {_changes(items, before, after)}",
        items,
    )


def _fallen(before: Scores, after: Scores) -> list[str]:
    """Pictures that fell, those that fell most first."""
    names = [name for name in after if name in before and after[name] < before[name]]
    return sorted(names, key=lambda name: after[name] - before[name])


def _changes(items: Sequence[str], before: Scores, after: Scores) -> str:
    shown = ", ".join(f"{name} {before[name]:.3f} to {after[name]:.3f}" for name in items[:_SHOWN])
    return shown + (f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else "")


def listed(items: Sequence[str]) -> str:
    """The first few of them, and how many more there are."""
    return ", ".join(items[:_SHOWN]) + (f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else "")
