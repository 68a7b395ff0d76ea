"""From pinned models to tiers: the same bytes on every run and every machine."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from edgeseg.assets import store
from edgeseg.errors import AssetError, CandidateError, OutputError
from edgeseg.tiers.catalogue import Precision, Tier
from quantize.families import FAMILIES, Family, fp32_graph, passes
from quantize.graph.flatbuffer import write
from quantize.graph.passes.constants import weights_fp16

Progress = Callable[[str], None]
"""Told the name of each tier that was made."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What tells one tier from another."""

    family: Family
    height: int
    width: int
    precision: Precision

    @property
    def name(self) -> str:
        """The tier's name."""
        return f"{self.family.name}-{self.height}x{self.width}-{self.precision}"

    @property
    def passes(self) -> tuple[str, ...]:
        """The names of the passes that make it, in their order."""
        names = [name for name, _ in passes(self.family, self.height, self.width)]
        if self.precision == "int8":
            from quantize.int8 import INT8_PASSES

            names += INT8_PASSES
        return (*names, *(["weights_fp16"] if self.precision == "fp16" else []))

    def make(self, source: bytes) -> bytes:
        """The tier's file. source: the bytes of the family's asset."""
        graph = fp32_graph(self.family, source, self.height, self.width)
        if self.precision == "int8":
            from quantize.int8 import Calibration, int8_model  # the quantizer takes seconds to import

            return int8_model(graph, Calibration.of(self.family.name, self.height, self.width))
        if self.precision == "fp16":
            weights_fp16(graph)
        return write(graph)


def recipe_of(tier: Tier) -> Recipe:
    """How a tier of the catalogue is made; raises CandidateError for one that is not made here."""
    family = FAMILIES.get(tier.family)
    if family is None:
        raise CandidateError(f"The tier {tier.name} is of the family {tier.family!r}, which is not built here.")
    return Recipe(family, tier.height, tier.width, tier.precision)


def build(tiers: Iterable[Tier], folder: Path, asset_dir: str | None = None, progress: Progress | None = None) -> None:
    """Make every tier and put the files into `folder` all at once, after the last one was made and checked.

    Raises AssetError if a file is not the one that the catalogue means (the old files stay), OutputError if the
    folder cannot be written, and what `assets.store.load` raises.
    """
    made = []
    for tier in tiers:
        recipe = recipe_of(tier)
        if recipe.passes != tier.passes:
            raise AssetError(f"The catalogue's passes of {tier.name} are not those of this version; see docs/tiers.md.")
        content = recipe.make(store.load(recipe.family.asset, asset_dir))
        if hashlib.sha256(content).hexdigest() != tier.sha256:
            raise AssetError(
                f"What was built as {tier.name} is not the file of the catalogue: its sha256 is another. Install the"
                " packages that pyproject.toml's extra 'quantize' pins, or run python -m quantize catalogue."
            )
        made.append((f"{tier.name}.tflite", content))
        if progress is not None:
            progress(tier.name)
    put_all(folder, made)


def drop_others(tiers: Iterable[Tier], folder: Path) -> None:
    """Remove the files of tiers that have left the catalogue."""
    names = {f"{tier.name}.tflite" for tier in tiers}
    for path in folder.glob("*.tflite"):
        if path.name not in names:
            path.unlink()


def put_all(folder: Path, files: list[tuple[str, bytes]]) -> None:
    """Write files into a folder so that each is there whole or not at all; raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as scratch:
            for name, content in files:
                with open(Path(scratch) / name, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            for name, _ in files:
                (Path(scratch) / name).replace(folder / name)
    except OSError as error:
        raise OutputError(f"The tiers cannot be written to {folder}: {error.strerror}; the old files stay.") from error
