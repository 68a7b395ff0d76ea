"""The whole way of a catalogue: build every candidate, score and time it, choose, and write the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2

from edgeseg.assets import store
from edgeseg.errors import UsageError
from edgeseg.golden import dataset as golden
from edgeseg.tiers.files import BUILT
from quantize import catalogue
from quantize.build import Recipe, put_all
from quantize.catalogue import PRECISIONS, Candidate
from quantize.families import FAMILIES

Step = Callable[[str, int | None], None]


def golden_sets(folder: Path) -> dict[str, golden.Dataset]:
    """The golden sets in a folder by name; raises UsageError if there is none."""
    found = {path.parent.name: golden.load(path.parent) for path in sorted(folder.glob("*/dataset.yaml"))}
    if not found:
        raise UsageError(f"There is no golden set in {folder}; give --golden a folder that holds some.")
    return found


def admit(golden_folder: Path, output: Path, asset_dir: str | None, step: Step) -> Iterator[str]:
    """Write the catalogue and its tiers; gives a line about each candidate.

    Raises GoldenError if the gate is closed, and then nothing is written.
    """
    cv2.setNumThreads(1)
    candidates = measured(golden_sets(golden_folder), asset_dir, step)
    yield from (describe(c) for c in candidates)
    catalogue.gate_all(candidates)
    admitted = [c for c in candidates if not c.refused]
    put_all(BUILT, [(f"{c.tier.name}.tflite", c.content) for c in admitted])
    put_all(output.parent, [(output.name, catalogue.rows(c.row for c in admitted))])
    yield f"{len(admitted)} tiers admitted, written to {output}"


def measured(sets: dict[str, golden.Dataset], asset_dir: str | None, step: Step) -> list[Candidate]:
    """Every candidate, scored and timed; those that are not admitted say why."""
    sources = {family.name: store.load(family.asset, asset_dir) for family in FAMILIES.values()}
    recipes = [Recipe(family, *size, "fp32") for family in FAMILIES.values() for size in family.sizes]
    sized = []
    for recipe in recipes:
        sized.append(_scored(recipe, sources, sets))
        step(recipe.name, len(recipes) * len(PRECISIONS))
    catalogue.measure_times(sized)
    catalogue.choose_sizes(sized)
    made = []
    for recipe, fp32 in zip(recipes, sized, strict=True):
        made.append(fp32)
        for precision in PRECISIONS[1:] if not fp32.refused else ():
            one = _scored(replace(recipe, precision=precision), sources, sets)
            catalogue.gate(one, fp32)
            made.append(one)
            step(one.tier.name, None)
    catalogue.measure_times([c for c in made if not c.refused])
    return made


def _scored(recipe: Recipe, sources: dict[str, bytes], sets: dict[str, golden.Dataset]) -> Candidate:
    one = catalogue.candidate(recipe, sources[recipe.family.name])
    catalogue.score(one, sets)
    return one


def describe(c: Candidate) -> str:
    """One line about a candidate."""
    scores = "  ".join(f"{name} {score:.4f}" for name, score in c.scores.items())
    return f"{c.tier.name:34} {c.ms:6.2f} ms  {scores}  {c.refused or ''}".rstrip()
