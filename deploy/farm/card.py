"""The card: what one candidate did on one device, as the device itself told it. The one thing that is judged.

A card is JSON, written where the candidate ran by `edgeseg.golden.card` and carried home by the runner. Everything in
it was measured or read there; what could not be known is None.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

VERSION = 1

Timing = Literal["real", "emulated"]
"""Whether times on the device say anything about its speed."""

FaultKind = Literal["refused", "fell-back", "died", "hung", "no-number", "asset", "lost"]
"""refused: the engine would not take the tier. fell-back: another engine than the one asked for did the work, or fewer
operations were delegated than before. died, hung: the candidate's process. no-number: NaN or infinite scores. asset: a
file failed its hash. lost: the device went away; nothing is known of the candidate."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What was asked for."""

    tier: str
    engine: str
    threads: int

    def __str__(self) -> str:
        return f"{self.tier} on {self.engine}, {self.threads} thread{'' if self.threads == 1 else 's'}"

    @property
    def key(self) -> str:
        """A name for files and tests."""
        return f"{self.tier}.{self.engine}.{self.threads}"


@dataclass(frozen=True, slots=True)
class Served:
    """What did the work: engine and library by name, nodes delegated of all nodes; None where it cannot be proven."""

    engine: str
    library: str
    delegated: int | None
    nodes: int | None


@dataclass(frozen=True, slots=True)
class ItemCard:
    """One picture.

    iou, boundary_f: where somebody is in it. false_area: where nobody is. mask_sha256: hex, of the alpha's bytes at the
    model's own size, before anything is refined. mask: the mask that was scored, a file beside the card (8-bit grey PNG
    of the picture's size), None if it was not kept.
    """

    item: str
    iou: float | None
    boundary_f: float | None
    false_area: float | None
    mask_sha256: str
    mask: str | None = None


@dataclass(frozen=True, slots=True)
class Speed:
    """Inference times in ms: the 50th and 90th percentile of `inferences` in a row, over `seconds`."""

    p50: float
    p90: float
    inferences: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Heat:
    """Degrees Celsius before and after, and the seconds it was left to cool down before; None without a sensor."""

    before: float | None
    after: float | None
    cooled_s: float


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there are no scores, or not all."""

    kind: FaultKind
    detail: str


@dataclass(frozen=True, slots=True)
class Golden:
    """The set that was run: name, version and the sha256 (hex) over all its files; `items` of `of` pictures."""

    name: str
    version: int
    sha256: str
    items: int
    of: int


@dataclass(frozen=True, slots=True)
class Card:
    """One candidate on one device.

    precision: of the tier. bit_exact: whether its masks must be the same bits everywhere (INT8 through XNNPACK).
    tier_sha256: hex, of the file that ran. runtime: versions by name (edgeseg, the libraries, python), and the board
    with its processor if times are real.
    rss_mb: the most that the candidate's process held. miou, p10_iou, boundary_f, false_area: as in
    `edgeseg.golden.evaluate.Scorecard`; None where there is no such picture, or with a fault.
    """

    device: str
    kind: str
    timing: Timing
    candidate: Candidate
    precision: str
    bit_exact: bool
    tier_sha256: str
    runtime: dict[str, str]
    golden: Golden
    served: Served | None = None
    miou: float | None = None
    p10_iou: float | None = None
    boundary_f: float | None = None
    false_area: float | None = None
    items: tuple[ItemCard, ...] = ()
    speed: Speed | None = None
    heat: Heat | None = None
    rss_mb: float | None = None
    fault: Fault | None = None
    version: int = VERSION

    def to_json(self) -> str:
        """All of it, keys as the fields are named, indented so that two can be compared line by line."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str) -> Card:
    """The card in `text`. Raises ValueError with one sentence if it is none, or of another version."""
    try:
        data: dict[str, Any] = json.loads(text)
        if data["version"] != VERSION:
            raise ValueError(f"it is a card of version {data['version']}, and this edgeseg reads version {VERSION}")
        kinds: dict[str, Any] = {
            "candidate": Candidate,
            "golden": Golden,
            "served": Served,
            "speed": Speed,
            "heat": Heat,
            "fault": Fault,
        }
        for name, kind in kinds.items():
            if data.get(name) is not None:
                data[name] = kind(**data[name])
        data["items"] = tuple(ItemCard(**item) for item in data["items"])
        return Card(**data)
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"it is no card of an edgeseg farm ({type(error).__name__}: {error})") from error


def read(path: Path) -> Card:
    """The card in a file. Raises ValueError with one sentence, or OSError."""
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error
