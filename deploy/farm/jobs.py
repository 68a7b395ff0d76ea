"""Which jobs there are: a device and a candidate each, with the pictures it is shown. Pure: nothing is read here.

A job's key is the hash of all that its card depends on. A card with the same key need not be made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.farm.card import Candidate, Golden, Timing
from deploy.farm.entry import DeviceEntry, PictureCounts, Pictures
from deploy.farm.farmfile import Farm, matching
from edgeseg.golden.dataset import Item
from edgeseg.tiers.catalogue import Tier


@dataclass(frozen=True, slots=True)
class Job:
    """One candidate on one device. items: the pictures, none where it is all of them. key: see above, 12 digits."""

    device: str
    kind: str
    timing: Timing
    candidate: Candidate
    tier: Tier
    golden: Golden
    items: tuple[str, ...]
    timeout_s: float
    argv: tuple[str, ...]
    key: str

    @property
    def name(self) -> str:
        """Of its card's file, without the ending."""
        return f"{self.candidate.key}-{self.key}"

    @property
    def is_timed(self) -> bool:
        """Whether its times will be judged, so that nothing else may disturb it."""
        return self.timing == "real" and "--quick" not in self.argv


@dataclass(frozen=True, slots=True)
class Given:
    """What jobs are made of: digest of the wheel without its tiers, all tiers, the set's pictures and about the set."""

    wheel: str
    tiers: Mapping[str, Tier]
    items: Sequence[Item]
    golden: Golden


def jobs_of(farm: Farm, name: str, timing: Timing, given: Given) -> list[Job]:
    """The jobs of one device, in the order of the tiers."""
    entry = farm.entries[name]
    return [_job(farm, name, timing, candidate, given) for candidate in candidates_of(farm, entry, list(given.tiers))]


def spread(items: Sequence[Item], count: int) -> list[str]:
    """`count` pictures, the same ones each time, of all framings as evenly as may be, at least one with a person.

    They come one after the other from each framing (sequences and empty pictures are framings of their own, and the
    empty ones come last), within one in the order of their hashes. So fewer are always among the more.
    """
    groups: dict[tuple[bool, str], list[str]] = {}
    for item in items:
        groups.setdefault((item.is_empty, item.framing or item.sequence or ""), []).append(item.image)
    queues = [sorted(groups[group], key=_hash) for group in sorted(groups)]
    turns = [queue[turn] for turn in range(max(map(len, queues))) for queue in queues if turn < len(queue)]
    chosen = set(turns[:count])
    return [item.image for item in items if item.image in chosen]


def candidates_of(farm: Farm, entry: DeviceEntry, known: Sequence[str]) -> Iterator[Candidate]:
    """The candidates of a device, in the order of the tiers. known: the names of all tiers."""
    for tier in matching(farm.tiers_of(entry), known):
        for engine in entry.engines or farm.candidates.engines:
            for threads in entry.threads or farm.candidates.threads:
                yield Candidate(tier, engine, threads)


def _job(farm: Farm, name: str, timing: Timing, candidate: Candidate, given: Given) -> Job:
    entry, tier = farm.entries[name], given.tiers[candidate.tier]
    count = _count(entry.pictures or farm.pictures, tier.precision)
    items = () if count is None or count >= len(given.items) else tuple(spread(given.items, count))
    golden = Golden(
        given.golden.name, given.golden.version, given.golden.sha256, len(items) or len(given.items), len(given.items)
    )
    argv = tuple(_argv(farm, entry, name, timing, candidate, items))
    about = [given.wheel, tier.sha256, golden.sha256, entry.model_dump(mode="json"), argv]
    key = _hash(json.dumps(about, sort_keys=True))[:12]
    timeout_s = entry.timeout_s or farm.budget.timeout_s
    return Job(name, entry.kind, timing, candidate, tier, golden, items, timeout_s, argv, key)


def _argv(
    farm: Farm, entry: DeviceEntry, name: str, timing: Timing, candidate: Candidate, items: Sequence[str]
) -> Iterator[str]:
    """The command, as it runs in the device's folder."""
    out = f"out/{candidate.key}"
    options: dict[str, Any] = {
        "--dataset": "golden",
        "--out": f"{out}.json",
        "--masks": out,
        "--tier": candidate.tier,
        "--engine": candidate.engine,
        "--threads": candidate.threads,
        "--device": name,
        "--kind": entry.kind,
        "--timing": timing,
        "--items": ",".join(items) or None,
        "--models": "models" if farm.models else None,
    }
    if entry.cool_to_c is not None and timing == "real":
        options |= {"--cool-to": entry.cool_to_c, "--cool-max": entry.cool_max_s}
    if candidate.engine in ("npu", "edgetpu"):
        options |= {"--engine-library": entry.engine_library, "--engine-device": entry.engine_device}
    quick = entry.quick or timing == "emulated"
    if not quick:
        options |= {"--min-inferences": farm.budget.min_inferences, "--min-seconds": farm.budget.min_seconds}
    yield from ("python", "-m", "edgeseg", "golden", "card", "--progress")
    if quick:
        yield "--quick"
    if candidate.engine == "gpu" and entry.allow_software_gpu:
        yield "--allow-software-gpu"
    for option, value in options.items():
        if value is not None:
            yield from (option, str(value))


def _count(pictures: Pictures, precision: str) -> int | None:
    """How many pictures; None for all."""
    if isinstance(pictures, PictureCounts):
        return pictures.int8 if precision == "int8" else pictures.float
    return pictures if isinstance(pictures, int) else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
