"""What a report is made from: figures, and pictures ready to be shown. Nothing here measures or draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeseg.bench.op_times import OpTimes
from edgeseg.tiers.catalogue import Tier

INT8 = "quantize_int8"  # the last pass of an INT8 tier, which makes its file


@dataclass(frozen=True, slots=True)
class Row:
    """One candidate. scores: mean IoU by golden set, and by "set framing". ms: of one inference, one thread.

    to_fp32: the time as a share of its FP32's, the median of the rounds in which both took their turn; None for FP32.
    delegated, nodes: of the graph. in_catalogue: it is a tier. refused: why this measurement would not admit it.
    """

    tier: Tier
    scores: Mapping[str, float]
    ms: float
    to_fp32: float | None
    partitions: int
    delegated: int
    nodes: int
    in_catalogue: bool
    refused: str | None


@dataclass(frozen=True, slots=True)
class Profile:
    """The ops of one model. label: "as pinned", or the precision of a tier of the same family and size."""

    family: str
    size: str
    label: str
    times: OpTimes


@dataclass(frozen=True, slots=True)
class Stage:
    """A family's model after one pass, at its pinned size.

    name: of the pass, "" before the first. saved: milliseconds by which it is faster than what it was made from, 0 for
    what cannot be told from noise, None for the first.
    """

    family: str
    name: str
    ops: int
    ms: float
    saved: float | None


@dataclass(frozen=True, slots=True)
class Panel:
    """One small picture. data: a data: address. alt: what is to be seen, for those who do not see it."""

    caption: str
    alt: str
    data: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Worst:
    """A picture that a tier is bad at."""

    tier: str
    dataset: str
    item: str
    iou: float
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it. sets: names of the golden sets. made_by: where and with what it was measured, one sentence."""

    sets: tuple[str, ...]
    rows: tuple[Row, ...]
    profiles: tuple[Profile, ...]
    stages: tuple[Stage, ...]
    worst: tuple[Worst, ...]
    made_by: str

    @property
    def ladder(self) -> list[Row]:
        """The tiers of the catalogue."""
        return [row for row in self.rows if row.in_catalogue]

    @property
    def outside(self) -> list[Row]:
        """The candidates that are no tiers."""
        return [row for row in self.rows if not row.in_catalogue]

    @property
    def framings(self) -> list[str]:
        """The names of the scores by framing, "set framing"."""
        names = {name: None for row in self.rows for name in row.scores if name not in self.sets}
        return sorted(names)

    @property
    def passes(self) -> list[str]:
        """Every step that makes a tier, in an order in which they follow each other; "" is the beginning."""
        steps = {stage.name: None for stage in self.stages}
        of_tiers = {name: None for row in self.rows for name in row.tier.passes}
        last = [name for name in (INT8,) if name in steps or name in of_tiers]
        return [name for name in dict.fromkeys([*steps, *of_tiers]) if name not in last] + last

    @property
    def families(self) -> list[str]:
        """In the order of the rows."""
        return list(dict.fromkeys(row.tier.family for row in self.rows))

    def fp32_of(self, row: Row) -> Row | None:
        """The row of the same family and size in FP32."""
        wanted = (row.tier.family, row.tier.height, row.tier.width, "fp32")
        same = (r for r in self.rows if (r.tier.family, r.tier.height, r.tier.width, r.tier.precision) == wanted)
        return next(same, None)
