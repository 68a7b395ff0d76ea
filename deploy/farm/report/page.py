"""report.html: one page with everything in it. Nothing is fetched, and no script runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from deploy.farm.card import Card, Speed
from deploy.farm.judging import Outcome
from deploy.farm.report.pictures import Album, Shown
from deploy.farm.rules import RULES, Status
from deploy.farm.speed import is_long_enough

SIGNS = {
    Status.OK: "✓",
    Status.REGRESSED: "✗",
    Status.LOST: "?",
    Status.NEW: "+",
    Status.NOT_JUDGED: "–",
}
WORDS = {
    Status.OK: "ok",
    Status.REGRESSED: "regressed",
    Status.LOST: "lost",
    Status.NEW: "new",
    Status.NOT_JUDGED: "not judged",
}
_MOST_SAID = 8  # sentences before the matrix; the others are behind a line
_PRECISIONS = {"fp32": 0, "fp16": 1, "int8": 2}


@dataclass(frozen=True, slots=True)
class Entry:
    """One candidate on one device, as the page shows it: an anchor, the outcome, figures and pictures."""

    anchor: str
    outcome: Outcome
    figures: tuple[tuple[str, str, str, str], ...]
    pictures: tuple[Shown, ...]

    @property
    def status(self) -> Status:
        """Of the verdict."""
        return self.outcome.verdict.status


def render(outcomes: Sequence[Outcome], album: Album, when: str) -> str:
    """The page. when: date and time in words."""
    environment = Environment(
        loader=PackageLoader("deploy.farm.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # The worst come first to their pictures, for there is a limit.
    weight = {Status.REGRESSED: 0, Status.NEW: 1, Status.OK: 2}
    made: dict[int, Entry] = {}
    for n in sorted(range(len(outcomes)), key=lambda n: weight.get(outcomes[n].verdict.status, 3)):
        outcome = outcomes[n]
        made[n] = Entry(f"c{n}", outcome, tuple(_figures(outcome)), tuple(album.worst_of(outcome)))
    entries = [made[n] for n in range(len(outcomes))]
    devices = list(dict.fromkeys(entry.outcome.card.device for entry in entries))
    counts = Counter(entry.status for entry in entries)
    return environment.get_template("page.html.j2").render(
        when=when,
        entries=entries,
        devices=[(name, [e for e in entries if e.outcome.card.device == name]) for name in devices],
        rows=_rows(entries, devices),
        timed={o.card.device for o in outcomes if o.card.speed and is_long_enough(o.card.speed, RULES)},
        counts=[(status, counts[status]) for status in Status if counts[status]],
        bad=[entry for entry in entries if entry.status in (Status.REGRESSED, Status.NOT_JUDGED)],
        lost=list(Counter(e.outcome.card.device for e in entries if e.status is Status.LOST).items()),
        golden=sorted({f"{e.outcome.card.golden.name} version {e.outcome.card.golden.version}" for e in entries}),
        versions=sorted({e.outcome.card.runtime["edgeseg"] for e in entries if "edgeseg" in e.outcome.card.runtime}),
        definitions=album.definitions,
        is_full=album.is_full,
        most=_MOST_SAID,
        signs=SIGNS,
        words=WORDS,
        Status=Status,
    )


def _rows(entries: Sequence[Entry], devices: Sequence[str]) -> list[tuple[str, list[list[Entry]]]]:
    """(tier, its entries by device) for the matrix, families together, FP32 before INT8."""

    def order(tier: str) -> tuple[str, tuple[int, ...], int]:
        size_of, _, precision = tier.rpartition("-")
        family, _, size = size_of.rpartition("-")
        sides = tuple(int(side) for side in size.split("x") if side.isdigit())
        return family, sides, _PRECISIONS.get(precision, 9)

    tiers = sorted({entry.outcome.card.candidate.tier for entry in entries}, key=order)
    return [
        (
            tier,
            [
                [e for e in entries if e.outcome.card.candidate.tier == tier and e.outcome.card.device == device]
                for device in devices
            ],
        )
        for tier in tiers
    ]


def _figures(outcome: Outcome) -> list[tuple[str, str, str, str]]:
    """(what, before, now, a remark) for a candidate's table."""
    now, before = outcome.card, outcome.accepted
    emulated = "emulated: not judged" if now.timing == "emulated" else ""

    def score(card: Card | None, name: str) -> str:
        value = getattr(card, name) if card is not None else None
        return "–" if value is None else f"{value:.4f}"

    def speed(card: Card | None, name: str) -> str:
        found: Speed | None = card.speed if card is not None else None
        return "–" if found is None else f"{getattr(found, name):.2f} ms"

    def mb(card: Card | None) -> str:
        return "–" if card is None or card.rss_mb is None else f"{card.rss_mb:.0f} MB"

    rows = [
        (what, score(before, name), score(now, name), "")
        for what, name in (
            ("mean IoU", "miou"),
            ("IoU, 10th percentile", "p10_iou"),
            ("boundary F", "boundary_f"),
            ("false area", "false_area"),
        )
    ]
    many = f"{now.speed.inferences} inferences in {now.speed.seconds:.0f} s" if now.speed else ""
    if now.speed and now.speed.inferences == 1:
        many = "the last picture's: not judged"
    rows.append(("time, p50", speed(before, "p50"), speed(now, "p50"), emulated))
    rows.append(("time, p90", speed(before, "p90"), speed(now, "p90"), emulated or many))
    rows.append(("memory", mb(before), mb(now), ""))
    if now.heat is not None and now.heat.before is not None:
        after = "–" if now.heat.after is None else f"{now.heat.after:.0f} °C"
        cooled = f"{now.heat.before:.0f} °C before; cooled down for {now.heat.cooled_s:.0f} s"
        rows.append(("temperature", "–", after, cooled))
    return rows
