"""Score against time as an SVG picture in the page's own colours (its CSS variables)."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from quantize.report import plot
from quantize.report.facts import Evidence, Row
from quantize.report.plot import MARK, Box, Label, Scale

_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 12.0, 14.0, 46.0


@dataclass(frozen=True, slots=True)
class Dot:
    """A candidate at its place."""

    row: Row
    x: float
    y: float


def score_plot(evidence: Evidence, dataset: str, width: float, height: float, kind: str) -> str:
    """Every candidate, the front, and as many labels as fit without meeting. kind: a class, for CSS to show or hide."""
    rows = evidence.rows
    inside = Box(_LEFT, _TOP, width - _RIGHT, height - _BOTTOM)
    across, ms_ticks = plot.times([row.ms for row in rows], inside.left, inside.right)
    up, score_ticks = plot.scores([row.scores[dataset] for row in rows], inside.bottom, inside.top)
    dots = [Dot(row, across(row.ms), up(row.scores[dataset])) for row in rows]
    steps = [(across(ms), up(value)) for ms, value in plot.front((row.ms, row.scores[dataset]) for row in rows)]
    parts = [
        *_axes(dataset, inside, (across, ms_ticks), (up, score_ticks), height),
        f'<path class="front" d="{_stairs(steps, inside.right)}"/>',
        *(_mark(evidence, dot, dataset) for dot in sorted(dots, key=lambda dot: dot.row.in_catalogue)),
        *_labels(evidence, dots, inside, dataset),
    ]
    about = f"mIoU on golden/{dataset} against the time of one inference; the ladder's table has the same figures"
    return (
        f'<svg class="plot {kind}" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(about)}"'
        f' xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(parts) + "\n</svg>\n"
    )


def mark(family: int, precision: str, is_tier: bool, x: float, y: float, title: str = "") -> str:
    """A candidate's sign: the family's colour, the precision's shape, hollow if it is no tier."""
    size = MARK
    if precision == "int8":
        side = 2 * size - 1
        shape = f'<rect x="{x - side / 2:.1f}" y="{y - side / 2:.1f}" width="{side:g}" height="{side:g}"'
    elif precision == "fp16":
        wide = size + 2.5  # around the circle: their scores are equal, and both are to be seen
        diamond = f"M{x - wide:.1f},{y:.1f} l{wide:g},{-wide:g} l{wide:g},{wide:g} l{-wide:g},{wide:g} Z"
        shape = f'<path class="ring" d="{diamond}"'
    else:
        shape = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size - 0.5:g}"'
    told = f"<title>{escape(title)}</title>" if title else ""
    return f'<g class="mark family{family} {"tier" if is_tier else "outside"}">{told}{shape}/></g>'


def _mark(evidence: Evidence, dot: Dot, dataset: str) -> str:
    row = dot.row
    title = f"{row.tier.name}: {row.scores[dataset]:.4f}, {row.ms:.2f} ms"
    return mark(evidence.families.index(row.tier.family), row.tier.precision, row.in_catalogue, dot.x, dot.y, title)


def _labels(evidence: Evidence, dots: list[Dot], inside: Box, dataset: str) -> list[str]:
    """FP16 has none of its own: it is where its FP32 is. Tiers come first, and the best of each family names it."""
    named = [dot for dot in dots if dot.row.tier.precision != "fp16"]
    named.sort(key=lambda dot: (not dot.row.in_catalogue, dot.row.tier.precision, -dot.row.scores[dataset]))
    best: dict[str, Dot] = {}
    for dot in named:
        best.setdefault(dot.row.tier.family, dot)
    wanted = [(dot.x, dot.y, _text(dot.row, best[dot.row.tier.family] is dot)) for dot in named]
    placed = plot.place(wanted, [(dot.x, dot.y) for dot in dots], inside)
    return [_label(evidence, dot, label) for dot, label in zip(named, placed, strict=True) if label is not None]


def _text(row: Row, with_family: bool) -> str:
    size = f"{row.tier.height}x{row.tier.width}"
    words = [row.tier.family if with_family else "", size, "int8" if row.tier.precision == "int8" else ""]
    return " ".join(word for word in words if word)


def _label(evidence: Evidence, dot: Dot, label: Label) -> str:
    family = evidence.families.index(dot.row.tier.family)
    box = label.box
    near_x, near_y = min(max(dot.x, box.left), box.right), min(max(dot.y, box.top), box.bottom)
    far = max(abs(near_x - dot.x), abs(near_y - dot.y)) > MARK + 8
    line = f'<path class="leader" d="M{dot.x:.1f},{dot.y:.1f} L{near_x:.1f},{near_y:.1f}"/>' if far else ""
    kind = "tier" if dot.row.in_catalogue else "outside"
    text = f'<text class="label family{family} {kind}" x="{label.x:.1f}" y="{label.y:.1f}">{escape(label.text)}</text>'
    return line + text


def _stairs(steps: list[tuple[float, float]], right: float) -> str:
    """The front's border: what is under it is beaten."""
    if not steps:
        return ""
    drawn = [f"M{steps[0][0]:.1f},{steps[0][1]:.1f}"]
    drawn += [f"H{x:.1f} V{y:.1f}" for x, y in steps[1:]]
    return " ".join([*drawn, f"H{right:.1f}"])


def _axes(
    dataset: str, inside: Box, across: tuple[Scale, list[float]], up: tuple[Scale, list[float]], height: float
) -> list[str]:
    parts = []
    for value in across[1]:
        x = across[0](value)
        parts.append(f'<path class="grid" d="M{x:.1f},{inside.top:.1f} V{inside.bottom:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="{inside.bottom + 16:.1f}" text-anchor="middle">{value:g}</text>'
        )
    for value in up[1]:
        y = up[0](value)
        parts.append(f'<path class="grid" d="M{inside.left:.1f},{y:.1f} H{inside.right:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{inside.left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{value:.2f}</text>'
        )
    middle = (inside.left + inside.right) / 2
    parts.append(
        f'<text class="tick" x="{middle:.1f}" y="{height - 10:.1f}" text-anchor="middle">'
        "time of one inference, ms (one thread)</text>"
    )
    parts.append(
        f'<text class="tick" transform="translate(11 {(inside.top + inside.bottom) / 2:.1f}) rotate(-90)"'
        f' text-anchor="middle">mIoU on golden/{escape(dataset)}</text>'
    )
    return parts
