"""Files laid over each other: the last that says something of a key holds, and its line is known."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.config.effective import DEFAULT, Layer, lay, merge
from edgeseg.config.profile import ConfigFile, Keys
from edgeseg.config.profiles import Written, checked
from edgeseg.errors import ConfigError
from edgeseg.frames import Size

KEYS = st.sampled_from(["source", "threads", "limits.temp_c", "limits.power_w", "engines"])
LAYERS = st.lists(st.dictionaries(KEYS, st.integers() | st.none() | st.lists(st.integers())), max_size=5)


def as_layers(many: list[dict[str, Any]]) -> list[Layer]:
    return [Layer(values, lambda key, number=number: f"{number}:{key}") for number, values in enumerate(many)]  # type: ignore[misc]


@given(LAYERS)
def test_the_last_that_has_a_key_wins_and_is_named(many: list[dict[str, Any]]) -> None:
    values, origins = merge(as_layers(many))
    assert set(values) == set(origins) == {key for layer in many for key in layer}
    for key, value in values.items():
        last = max(number for number, layer in enumerate(many) if key in layer)
        assert value == many[last][key]
        assert origins[key] == f"{last}:{key}"


@given(LAYERS, LAYERS)
def test_layers_may_be_merged_in_two_steps(below: list[dict[str, Any]], above: list[dict[str, Any]]) -> None:
    whole, _ = merge(as_layers(below + above))
    low, high = merge(as_layers(below))[0], merge(as_layers(above))[0]
    assert merge(as_layers([low, high]))[0] == whole


@given(LAYERS)
def test_an_empty_file_changes_nothing(many: list[dict[str, Any]]) -> None:
    assert merge(as_layers([*many, {}])) == merge(as_layers(many))


def written(folder: Path, name: str, text: str) -> Written:
    path = folder / name
    path.write_text(text)
    return checked(path, ConfigFile)[1]


def test_values_are_typed_and_have_their_lines(tmp_path: Path) -> None:
    low = written(tmp_path, "low.yaml", "limits:\n  temp_c: 70\n  power_w: 5\ntargets: {size: 640x480, fps: 15}\n")
    high = written(tmp_path, "high.yaml", "# mine\nlimits: {power_w: null}\nsink: null\nfps: 30000/1001\n")
    found = lay("x", [low, high])
    assert found.keys.limits.temp_c == 70
    assert found.origin("limits.temp_c") == f"{tmp_path}/low.yaml:2"
    assert found.keys.limits.power_w is None
    assert found.origin("limits.power_w") == f"{tmp_path}/high.yaml:2"
    assert found.is_given("limits.power_w")
    assert found.keys.sink == "null"
    assert found.keys.fps == Fraction(30000, 1001)
    assert found.keys.targets.size == Size(640, 480)
    assert (found.origin("threads"), found.is_given("threads")) == (DEFAULT, False)


def test_no_files_are_the_defaults() -> None:
    assert lay("x", []).keys == Keys()
    assert {key for key, _, _ in lay("x", []).items()} >= {"limits.temp_c", "targets.fps", "threads"}


def test_values_of_two_files_that_do_not_go_together(tmp_path: Path) -> None:
    low = written(tmp_path, "low.yaml", "governor: {longest_patience_s: 20}\n")
    high = written(tmp_path, "high.yaml", "governor:\n  patience_s: 30\n")
    with pytest.raises(ConfigError) as caught:
        lay("x", [low, high])
    assert str(caught.value) == (
        f"{tmp_path}/high.yaml:2: governor.patience_s is 30, which is more than governor.longest_patience_s, 20"
        f" ({tmp_path}/low.yaml:1)."
    )
