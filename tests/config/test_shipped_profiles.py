"""The profiles that come with edgeseg, as data: sound, explained, and all of one family."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgeseg.config.effective import Effective, lay, layer
from edgeseg.config.places import shipped
from edgeseg.config.profile import Keys
from edgeseg.config.profiles import ProfileFile, chain, find

FOUND = find([shipped()])
each_profile = pytest.mark.parametrize("name", FOUND)


def effective(name: str) -> Effective:
    return lay(name, [file.written for file in reversed(chain(name, FOUND))])


def test_there_is_one_for_each_kind_of_board() -> None:
    pis = {f"raspberry-pi{model}" for model in ("", "-zero-2-w", "-3", "-4", "-400", "-cm4", "-5", "-32-bit")}
    jetsons = {"jetson", "jetson-nano", "jetson-xavier-nx", "jetson-orin-nano"}
    others = {"rk3588", "x86-n100", "virtual-machine", "generic-arm64", "generic-x86", "generic"}
    assert set(FOUND) == pis | jetsons | others


@each_profile
def test_it_is_sound_and_ends_in_generic(name: str) -> None:
    assert [file.name for file in chain(name, FOUND)][-1] == "generic"
    assert effective(name).keys.targets.fps > 0


@each_profile
def test_each_value_comes_from_a_line_that_gives_it(name: str) -> None:
    for key, _, origin in effective(name).items():
        if origin == "edgeseg's default":
            continue
        path, _, line = origin.rpartition(":")
        text = Path(path).read_text(encoding="utf-8").splitlines()[int(line) - 1]
        assert re.match(rf"\s*{key.rpartition('.')[2]}:", text), origin


@each_profile
def test_it_says_why(name: str) -> None:
    """A comment at the top, or where the first value stands."""
    assert re.match(r"# \w", FOUND[name].read_text(encoding="utf-8"))


def test_generic_says_what_others_change() -> None:
    said = {key for name in FOUND for key in layer(first(name).written).values}
    assert said == set(layer(first("generic").written).values)


def test_no_two_have_one_title_and_each_has_a_rule() -> None:
    files = [first(name) for name in FOUND]
    assert len({file.profile.title for file in files}) == len(files)
    assert all(file.profile.match for file in files)


def first(name: str) -> ProfileFile:
    return chain(name, FOUND)[0]


def test_every_key_is_explained_and_bounded() -> None:
    assert all(field.description for field in Keys.model_fields.values())


@each_profile
def test_editors_can_check_it(name: str) -> None:
    """The JSON Schema knows every key that is written, and has words for each."""
    from edgeseg.config.profile import Profile

    schema = Profile.model_json_schema()
    assert schema["additionalProperties"] is False
    assert set(first(name).written.data) <= set(schema["properties"])
    assert {"description"} <= set(schema["properties"]["targets"])
