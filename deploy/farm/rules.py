"""What is judged, by which limits, and the words for what was found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Status(str, Enum):
    """How one candidate on one device stands.

    ok: as good as what was accepted, within the rules. regressed: worse than that, or than a rule that needs no
    baseline. lost: the device went away, so nothing is known. new: there is no baseline for it yet. not_judged: there
    is one, and it is of another golden set.
    """

    OK = "ok"
    REGRESSED = "regressed"
    LOST = "lost"
    NEW = "new"
    NOT_JUDGED = "not-judged"


class Reason(str, Enum):
    """What a verdict rests on. Where several hold, the first of this order is the one that is named first."""

    LOST = "lost"
    ASSET = "asset"
    GOLDEN_VERSION = "golden-version"
    REFUSED = "refused"
    HUNG = "hung"
    DIED = "died"
    NO_NUMBER = "no-number"
    FELL_BACK = "fell-back"
    SCORE_MEAN = "score-mean"
    SINGLE_PICTURE = "single-picture"
    SCORE_P10 = "score-p10"
    BOUNDARY = "boundary"
    FALSE_AREA = "false-area"
    BELOW_FP32 = "below-fp32"
    MASK_HASH = "mask-hash"
    MASK_CHANGED = "mask-changed"
    MEMORY = "memory"
    SPEED = "speed"
    NO_BASELINE = "no-baseline"


ORDER = {reason: n for n, reason in enumerate(Reason)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that was broken: a clause with the figures, and the pictures that it is about, worst first."""

    reason: Reason
    text: str
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits. Scores are 0..1, so that 0.01 is one point; all of them are of the pictures that both runs have.

    most_fall, most_p10_fall, most_boundary_fall: of the mean IoU, its 10th percentile and the mean boundary F.
    most_picture_fall: of any one picture's IoU. most_false_area_rise: of the mean share of a picture where nobody is
    that is called person. same_score: by how much rounding may move a picture's IoU, up or down, while the tier's file
    is the same. least_of_fp32: of the FP32 tier's mean IoU on the same device, what FP16 and INT8 must reach; source:
    MLPerf Mobile, which asks 93 to 98 % of FP32 of its models, 96 % of some.
    most_slower: now over before, p50 and p90. same_slowness: how far candidates' slowness may lie apart and still have
    one cause. fewest_inferences, least_seconds: what a speed must rest on; source: MLPerf Inference's single stream
    (1024 queries, 60 s, the 90th percentile). most_warmer: degrees by which a timing may start above its baseline's.
    most_memory, least_memory_mb: both must be passed, now over before, and in MB.
    """

    most_fall: float = 0.005
    most_p10_fall: float = 0.02
    most_picture_fall: float = 0.03
    most_boundary_fall: float = 0.01
    most_false_area_rise: float = 0.01
    same_score: float = 0.005
    least_of_fp32: float = 0.96
    most_slower: float = 1.2
    same_slowness: float = 1.25
    fewest_inferences: int = 1024
    least_seconds: float = 60.0
    most_warmer: float = 15.0
    most_memory: float = 1.4
    least_memory_mb: float = 32.0


RULES = Rules()
