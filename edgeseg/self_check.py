"""What this release scores on this device with the tiers that its instances take: asked before it is let run.

It is run by `edgeseg service install` and `upgrade` as `edgeseg service self-check`, each release for itself.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeseg import __version__
from edgeseg.build import Settings
from edgeseg.chosen import choose_here
from edgeseg.config.files import instances
from edgeseg.config.places import places
from edgeseg.errors import CandidateError
from edgeseg.golden.dataset import load
from edgeseg.install.tools import Checked, Score
from edgeseg.probe import probe
from edgeseg.resolve import resolve
from edgeseg.run_settings import merged
from edgeseg.stills import score
from edgeseg.tiers import kept
from edgeseg.tiers.catalogue import AUTO
from edgeseg.tiers.identity import board_identity, runtime_identity

SMALL_SET = Path(__file__).with_name("golden") / "small"


def self_check(golden: Path | None = None, root: Path = Path("/")) -> Checked:
    """Score each instance's tier on `golden`, the small set that comes with edgeseg if None.

    An accelerator that is in use by the running service is replaced by the CPU, which is noted. Raises EdgesegError.
    """
    golden = golden or SMALL_SET
    name = load(golden).file
    where = places(root)
    found = probe(root)
    memory: list[int] = []
    scores: list[Score] = []
    known: dict[tuple[str, str], tuple[float, str]] = {}
    names: list[str | None] = [*instances(where.config)]
    for instance in names or [None]:
        effective = resolve(found, instance=instance, where=where)
        if effective.keys.limits.memory_mb is not None:
            memory.append(effective.keys.limits.memory_mb)
        settings = merged(_usual(), (), effective)
        if settings.segmenter != "tier":
            continue  # a screen of one colour has no model
        settings = _chosen(settings)
        candidate = (settings.tier, settings.engine)
        if candidate not in known:
            known[candidate] = _scored(settings, golden)
        miou, note = known[candidate]
        dataset = f"{name.name} {name.version}"
        scores.append(Score(instance or "default", *candidate, dataset, miou, note))
    is_measured = kept.read(board_identity(), runtime_identity())[0] is not None
    return Checked(__version__, is_measured, tuple(scores), min(memory) if memory else None)


def _usual() -> Settings:
    usual: dict[str, Any] = {"source": AUTO, "sink": "null", "tier": AUTO, "engine": AUTO}
    return Settings(**usual)


def _chosen(settings: Settings) -> Settings:
    """With the tier and engine that a run would take."""
    if settings.tier != AUTO:
        return settings if settings.engine != AUTO else replace(settings, engine="cpu")
    fps = float(settings.fps) if settings.fps else None
    candidate = choose_here(settings.engine, settings.threads, fps, settings.models).candidate
    return replace(settings, tier=candidate.tier, engine=candidate.engine, threads=candidate.threads)


def _scored(settings: Settings, golden: Path) -> tuple[float, str]:
    try:
        return score(golden, settings).miou, ""
    except CandidateError as error:
        if settings.engine == "cpu":
            raise
        on_cpu = replace(settings, engine="cpu", engine_library=None, engine_device=None, allow_software_gpu=False)
        return score(golden, on_cpu).miou, f"on cpu, for {settings.engine} did not serve: {error}"
