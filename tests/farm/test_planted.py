"""Some of what goes wrong, planted into a real device and judged by a real run: `planted_table` has all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.farm.planted import INT8, PLANTS
from tests.farm.planted_table import Row, rows

SOME = ("swapped", "flipped", "shifted", "no-number", "fatter")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, wheel: Path, tier_file: Callable[..., Path]) -> dict[str, Row]:
    tier_file(INT8)
    work = tmp_path_factory.mktemp("planted")
    plants = [replace(plant, tiers=(INT8,)) for plant in PLANTS if plant.name in SOME]
    return {row.plant.name: row for row in rows(plants, work, False, None, (INT8,), wheel)}


@pytest.mark.parametrize("name", SOME)
def test_what_is_planted_is_named(found: dict[str, Row], name: str) -> None:
    assert found[name].is_right, found[name].said
    assert found[name].said.startswith(f"{name}: {INT8} on cpu, 1 thread: ")


def test_worst_pictures_are_named(found: dict[str, Row]) -> None:
    assert "images/desk.jpg 0.9" in found["shifted"].said
