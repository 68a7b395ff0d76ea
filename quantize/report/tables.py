"""The report's tables as cells of plain text, written as Markdown and as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from quantize.report.facts import Evidence, Row, Stage
from quantize.report.words import about_pass


@dataclass(frozen=True, slots=True)
class Table:
    """head: names of the columns with their units. rows: as many cells each; the first names the row."""

    caption: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    text_columns: tuple[int, ...] = (0,)

    def markdown(self) -> str:
        """As GitHub shows it; numbers to the right."""
        marks = ("---" if n in self.text_columns else "---:" for n in range(len(self.head)))
        lines = [self.head, tuple(marks), *self.rows]
        return "\n".join(f"| {' | '.join(_in_markdown(cell) for cell in line)} |" for line in lines)

    def html(self) -> str:
        """In a box of its own, which scrolls where it is too wide, also by keys."""
        head = "".join(f'<th scope="col"{self._kind(n)}>{_breakable(cell)}</th>' for n, cell in enumerate(self.head))
        body = "".join(f"<tr>{self._cells(row)}</tr>\n" for row in self.rows)
        caption = escape(self.caption)
        return (
            f'<div class="scroll" role="region" tabindex="0" aria-label="{caption}"><table>\n<caption>{caption}'
            f"</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n"
        )

    def _kind(self, column: int) -> str:
        return ' class="text"' if column and column in self.text_columns else ""

    def _cells(self, row: tuple[str, ...]) -> str:
        cells = [f'<th scope="row">{_breakable(row[0])}</th>']
        for n, cell in enumerate(row[1:], 1):
            cells.append(f"<td{self._kind(n)}>{escape(cell.replace(chr(96), ''))}</td>")
        return "".join(cells)


def ladder(evidence: Evidence) -> Table:
    """Every tier of the catalogue."""
    head = [
        "tier",
        *(f"{name}, mIoU" for name in evidence.sets),
        *(f"{name} − FP32, points" for name in evidence.sets),
        *evidence.framings,
        "time, ms",
        "time / FP32",
        "bytes",
        "partitions",
        "delegated nodes",
    ]
    rows = [_ladder_row(evidence, row) for row in evidence.ladder]
    return Table("Mean IoU on the golden sets and by framing; time of one inference with one thread", tuple(head), rows)


def _ladder_row(evidence: Evidence, row: Row) -> tuple[str, ...]:
    fp32 = evidence.fp32_of(row)
    is_other = fp32 is not None and fp32 is not row
    return (
        row.tier.name,
        *(score(row.scores[name]) for name in evidence.sets),
        *(points(row.scores[n] - fp32.scores[n]) if fp32 and is_other else "" for n in evidence.sets),
        *(score(row.scores[name]) if name in row.scores else "" for name in evidence.framings),
        f"{row.ms:.2f}",
        "" if row.to_fp32 is None else f"{row.to_fp32:.2f}",
        f"{row.tier.bytes:,}",
        str(row.partitions),
        f"{row.delegated} of {row.nodes}",
    )


def outside(evidence: Evidence) -> Table:
    """The candidates that are no tiers, and why."""
    head = ("candidate", *(f"{name}, mIoU" for name in evidence.sets), "time, ms", "why it is no tier")
    rows = [
        (row.tier.name, *(score(row.scores[name]) for name in evidence.sets), f"{row.ms:.2f}", reason(row))
        for row in evidence.outside
    ]
    return Table("Timed in the same rounds as the tiers", head, rows, (0, len(head) - 1))


def disputed(evidence: Evidence) -> list[str]:
    """A sentence for each tier that this measurement would refuse: times near each other change places."""
    return [f"This measurement would refuse {row.tier.name}: {row.refused}." for row in evidence.ladder if row.refused]


def reason(row: Row) -> str:
    """Why a candidate is no tier."""
    if row.refused:
        return row.refused
    return "admitted by this measurement, not by the one that made the catalogue"


def passes(evidence: Evidence) -> Table:
    """What every pass does, and what a family's model takes after it."""
    families = list(dict.fromkeys(stage.family for stage in evidence.stages))
    found = {(stage.family, stage.name): stage for stage in evidence.stages}
    head = ["pass"]
    for family in families:
        head += [f"{family}: ops", f"{family}: ms", f"{family}: saved, ms"]
    rows = []
    for name in evidence.passes:
        cells = [name or "as pinned"]
        for family in families:
            cells += _stage_cells(found.get((family, name)))
        rows.append((*cells, about_pass(name)))
    head.append("what it does")
    return Table("The passes, one after the other, at the pinned size", tuple(head), rows, (0, len(head) - 1))


def _stage_cells(stage: Stage | None) -> list[str]:
    if stage is None:
        return ["", "", ""]
    return [
        str(stage.ops),
        f"{stage.ms:.2f}",
        "" if stage.saved is None else minus(f"{stage.saved:.2f}" if stage.saved else "0"),
    ]


def score(value: float) -> str:
    """A mean IoU."""
    return f"{value:.4f}"


def points(difference: float) -> str:
    """A difference of two, in points of 0.01."""
    text = f"{difference * 100:+.2f}"
    return "0.00" if float(text) == 0 else minus(text)


def minus(text: str) -> str:
    """With the sign that is as wide as a plus."""
    return text.replace("-", "−")


def _in_markdown(cell: str) -> str:
    return " ".join(cell.split()).replace("|", "\\|").replace("<", "&lt;")


def _breakable(name: str) -> str:
    """Escaped, and may be broken after a dash, so that a phone has room for the figures."""
    return escape(name).replace("-", "-<wbr>").replace("_", "_<wbr>")
