"""Measure all that a report says: scores, times, ops, what the passes save, and the worst pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2

from edgeseg.assets import store
from edgeseg.bench.graph import graph_of
from edgeseg.bench.tier_times import noise
from edgeseg.engines.litert import CpuEngine
from edgeseg.errors import AssetError
from edgeseg.golden.dataset import Dataset
from edgeseg.tiers.catalogue import Tier
from edgeseg.tiers.catalogue import catalogue as tiers
from quantize import admit, catalogue
from quantize.build import recipe_of
from quantize.catalogue import Candidate
from quantize.families import FAMILIES
from quantize.report.before_after import profiles, stages
from quantize.report.facts import Evidence, Profile, Row, Stage
from quantize.report.machine import made_by
from quantize.report.pictures import worst_pictures
from quantize.turns import Times, quiet, ratio, times_in_turns

_PRECISIONS = ("fp32", "fp16", "int8")


def gather(golden_folder: Path, asset_dir: str | None, step: admit.Step) -> Evidence:
    """Build, score and time every candidate, which takes minutes.

    Raises UsageError without golden sets, AssetError if a tier is not the file that the catalogue means.
    """
    cv2.setNumThreads(1)
    sets = admit.golden_sets(golden_folder)
    for tier in tiers().values():
        if tier.precision != "int8":  # those take longer, and are looked at when they are there
            recipe = recipe_of(tier)
            expect(tier, recipe.make(store.load(recipe.family.asset, asset_dir)))
    found = with_tiers(admit.measured(sets, asset_dir, step), tiers(), sets, asset_dir)
    step("times", None)
    rounds = candidate_times(found)  # measured anew, so that each is timed in the same rounds as every other
    rows = tuple(row_of(found, index, rounds, tiers()) for index in range(len(found)))
    ops: list[Profile] = []
    changes: list[Stage] = []
    for family in FAMILIES.values():
        step(f"ops and passes of {family.name}", None)
        source = store.load(family.asset, asset_dir)
        ops += profiles(family, source, found)
        changes += stages(family, source, found)
    step("pictures", None)
    worst = tuple(worst_pictures(found, sets, tiers()))
    return Evidence(tuple(sets), rows, tuple(ops), tuple(changes), worst, made_by())


def with_tiers(
    found: list[Candidate], known: Mapping[str, Tier], sets: dict[str, Dataset], asset_dir: str | None
) -> list[Candidate]:
    """The candidates and those tiers of the catalogue that are not among them, for this measurement refused their size.

    By family, size and precision. Raises AssetError for a tier that was built as another file than the catalogue's.
    """
    there = {one.tier.name: one for one in found}
    for tier in known.values():
        if tier.name not in there:
            recipe = recipe_of(tier)
            there[tier.name] = catalogue.candidate(recipe, store.load(recipe.family.asset, asset_dir))
            catalogue.score(there[tier.name], sets)
        expect(tier, there[tier.name].content)
    return sorted(there.values(), key=lambda one: _place(one.tier))


def expect(tier: Tier, content: bytes) -> None:
    """Raise AssetError if a file is not the one that the catalogue means."""
    if hashlib.sha256(content).hexdigest() != tier.sha256:
        raise AssetError(
            f"What was built as {tier.name} is not the file of the catalogue, so a report would be about another: run"
            " python -m quantize catalogue first."
        )


def _place(tier: Tier) -> tuple[int, int, int]:
    return [*FAMILIES].index(tier.family), tier.height * tier.width, _PRECISIONS.index(tier.precision)


def candidate_times(found: Sequence[Candidate]) -> Times:
    """Milliseconds, (round, candidate), of what an engine does for a picture."""

    def infer(one: Candidate) -> Callable[[], object]:
        engine = CpuEngine(one.content, one.tier.io)
        picture = noise(engine.io)
        return lambda: engine.infer(picture)

    return times_in_turns(lambda: [infer(one) for one in found])


def row_of(found: Sequence[Candidate], index: int, rounds: Times, known: Mapping[str, Tier]) -> Row:
    """A candidate's figures. rounds: of `candidate_times`."""
    one = found[index]
    graph = graph_of(one.content, 1)
    fp32 = next(n for n, other in enumerate(found) if _place(other.tier) == (*_place(one.tier)[:2], 0))
    return Row(
        tier=one.tier,
        scores=one.scores,
        ms=quiet(rounds[:, index]),
        to_fp32=ratio(rounds[:, index], rounds[:, fp32]) if fp32 != index else None,
        partitions=len(graph.partitions),
        delegated=len(graph.delegated),
        nodes=len(graph.nodes),
        in_catalogue=one.tier.name in known,
        refused=one.refused,
    )
