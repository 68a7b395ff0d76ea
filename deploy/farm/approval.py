"""Accepting a run as the baseline: what would change, why that is right, and who says so."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.farm import baseline, small_masks
from deploy.farm.baseline import Approval, Baseline
from deploy.farm.card import Card
from deploy.farm.scores import same_bits, worst_first
from edgeseg.errors import OutputError, UsageError, one_line

if TYPE_CHECKING:
    from rich.table import Table

KEPT_MASKS = 12
"""Of each candidate's masks, how many are kept for the report: those with the lowest scores, which fall first."""

Done = tuple[Card, Path]
"""A card, and the folder that its masks' files are named from."""


class NotAccepted(UsageError):
    """A run may not be accepted as it is; one line for each reason."""

    has_lines = True


@dataclass(frozen=True, slots=True)
class Change:
    """What accepting would change of one candidate on one device: a line for each, "what: old -> new"."""

    device: str
    candidate: str
    lines: tuple[str, ...]


def changes(folder: Path, cards: Sequence[Card]) -> list[Change]:
    """All that accepting `cards` would change in the baselines of `folder`; what stays as it is is left out."""
    found = []
    for device in dict.fromkeys(card.device for card in cards):
        before = baseline.read(folder, device).cards
        now = {card.candidate.key: baseline.kept(card) for card in cards if card.device == device}
        for key, card in now.items():
            lines = tuple(_differences(before.get(key), card))
            if lines:
                found.append(Change(device, str(card.candidate), lines))
    return found


def table(found: Sequence[Change]) -> Table:
    """The changes, for people."""
    from rich.table import Table

    made = Table(title="What would be accepted", title_justify="left", show_lines=True)
    for heading in ("device", "candidate", "old -> new"):
        made.add_column(heading, overflow="fold")
    for change in found:
        made.add_row(change.device, change.candidate, "\n".join(change.lines))
    return made


def approve(
    folder: Path,
    done: Sequence[Done],
    reason: str,
    who: str,
    date: str,
    edgeseg: str,
    *,
    with_faults: bool = False,
    partial: bool = False,
) -> list[Change]:
    """Accept a run's cards, all of a device or none; what changed.

    reason: why it is right, in words. date: of today, ISO 8601. edgeseg: the version that ran. with_faults: accept
    refusals and other faults too, except lost devices. partial: accept fewer candidates or pictures than the baseline
    has; candidates that the run lacks stay as they were. Raises UsageError for no reason, NotAccepted for what the two
    flags would allow, OutputError if the files cannot be written.
    """
    if not reason.strip():
        raise UsageError("Accepting a baseline needs a reason, such as: --reason 'new calibration of INT8'.")
    refusals = list(_refusals(folder, [card for card, _ in done], with_faults, partial))
    if refusals:
        raise NotAccepted("\n".join(refusals))
    found = changes(folder, [card for card, _ in done])
    changed = {(change.device, change.candidate) for change in found}
    try:
        for device in dict.fromkeys(card.device for card, _ in done):
            own = [one for one in done if one[0].device == device]
            keys = sorted(card.candidate.key for card, _ in own if (device, str(card.candidate)) in changed)
            if keys:
                approval = Approval(date, one_line(who), one_line(reason.strip()), edgeseg, tuple(keys))
                _put(folder, _merged(folder, device, [d for d in own if d[0].candidate.key in keys], approval))
        names = [file.stem for file in folder.glob("*.json")]
        small_masks.drop_unused(folder, baseline.accepted(folder, names).values())
    except OSError as error:
        raise OutputError(f"The baselines in {folder} cannot be written: {error.strerror or error}.") from error
    return found


def git_user(root: Path) -> str:
    """Who git says commits here, "Name <address>". Raises UsageError if it does not know."""
    said = []
    for key in ("user.name", "user.email"):
        try:
            ended = subprocess.run(["git", "-C", str(root), "config", key], capture_output=True, text=True, check=False)
        except OSError as error:
            raise UsageError(f"git cannot be asked who approves ({error.strerror}): give --who.") from error
        said.append(ended.stdout.strip())
    if not said[0]:
        raise UsageError("git does not know who approves: set it with git config user.name, or give --who.")
    return f"{said[0]} <{said[1]}>" if said[1] else said[0]


def _refusals(folder: Path, cards: Sequence[Card], with_faults: bool, partial: bool) -> Iterator[str]:
    if not cards:
        yield "There is nothing to accept: the run has no cards."
    for card in cards:
        name = f"{card.device}: {card.candidate}"
        if card.fault is not None and card.fault.kind == "lost":
            yield f"{name}: the device was lost, and nothing can be accepted of it; run it again."
        elif card.fault is not None and not with_faults:
            yield f"{name}: it has a fault ({card.fault.kind}); give --with-faults if that is right."
    for device in dict.fromkeys(card.device for card in cards) if not partial else ():
        now = {card.candidate.key: card for card in cards if card.device == device}
        for key, before in baseline.read(folder, device).cards.items():
            if key not in now:
                yield f"{device}: {before.candidate}: the run does not have it; give --partial to leave it as it is."
            elif now[key].fault is None and before.golden.name == now[key].golden.name:
                ran, had = now[key].golden.items, before.golden.items
                if ran < had:
                    yield f"{device}: {before.candidate}: {ran} pictures, the baseline has {had}; give --partial."


def _differences(old: Card | None, new: Card) -> Iterator[str]:
    if old is None:
        told = f"fault {new.fault.kind}" if new.fault else f"mean IoU {_score(new.miou)}"
        yield f"new: {told}, {new.golden.items} pictures"
        return
    if baseline.is_alike(old, new):
        return
    pairs = [
        ("fault", old.fault.kind if old.fault else "none", new.fault.kind if new.fault else "none"),
        ("golden set", _golden(old), _golden(new)),
        ("pictures", str(old.golden.items), str(new.golden.items)),
        ("tier's file", old.tier_sha256[:12], new.tier_sha256[:12]),
        ("served by", _served(old), _served(new)),
        ("mean IoU", _score(old.miou), _score(new.miou)),
        ("10th percentile", _score(old.p10_iou), _score(new.p10_iou)),
        ("boundary F", _score(old.boundary_f), _score(new.boundary_f)),
        ("false area", _score(old.false_area), _score(new.false_area)),
        ("p90", f"{old.speed.p90:.2f} ms" if old.speed else "-", f"{new.speed.p90:.2f} ms" if new.speed else "-"),
        ("memory", _mb(old.rss_mb), _mb(new.rss_mb)),
    ]
    libraries = sorted(old.runtime.keys() | new.runtime.keys())
    pairs += [(name, old.runtime.get(name, "-"), new.runtime.get(name, "-")) for name in libraries]
    said = [f"{what}: {before} -> {after}" for what, before, after in pairs if before != after]
    known = {item.item: item for item in old.items}
    moved = [item for item in new.items if item.item in known and not same_bits(known[item.item], item)]
    if moved:
        said.append(f"masks: {len(moved)} of {len(new.items)} have other bits")
    yield from said or ["figures too small to be shown here"]


def _golden(card: Card) -> str:
    return f"{card.golden.name} {card.golden.version} ({card.golden.sha256[:12]})"


def _served(card: Card) -> str:
    served = card.served
    return "not known" if served is None else f"{served.engine}, {served.library}, {served.delegated}/{served.nodes}"


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _mb(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} MB"


def _merged(folder: Path, device: str, done: Sequence[Done], approval: Approval) -> Baseline:
    """The device's baseline with these cards in it; masks are put beside it."""
    before = baseline.read(folder, device)
    cards = dict(before.cards)
    for card, beside in done:
        looked_at = set(worst_first(None, card)[:KEPT_MASKS])
        items = []
        for item in card.items:
            alpha = small_masks.read(beside / item.mask) if item.mask and item.item in looked_at else None
            items.append(replace(item, mask=small_masks.keep(alpha, folder) if alpha is not None else None))
        cards[card.candidate.key] = baseline.kept(replace(card, items=tuple(items)))
    return Baseline(device, cards, (*before.approvals, approval))


def _put(folder: Path, made: Baseline) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = baseline.file_of(folder, made.device)
    unfinished = file.with_suffix(".part")
    unfinished.write_text(made.to_json(), encoding="utf-8")
    unfinished.replace(file)
