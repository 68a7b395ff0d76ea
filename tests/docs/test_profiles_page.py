"""docs/profiles.md: its YAML is right as it stands, and it tells of every key and fact."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgeseg.config.effective import lay
from edgeseg.config.places import shipped
from edgeseg.config.profile import FACTS, ConfigFile, Profile
from edgeseg.config.profiles import chain, checked, find

PAGE = Path(__file__).parents[2] / "docs" / "profiles.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCK = re.compile(r"<!-- checked: (\w+) -->\n```yaml\n(.*?)^```$", re.S | re.M)
MODELS = {"config": ConfigFile, "profile": Profile}


@pytest.mark.parametrize(("kind", "text"), BLOCK.findall(TEXT), ids=MODELS)
def test_its_yaml_is_right(tmp_path: Path, kind: str, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    checked(path, MODELS[kind])
    if kind == "profile":
        chain("mine", find([tmp_path, shipped()]))


def test_it_shows_both_kinds() -> None:
    assert [kind for kind, _ in BLOCK.findall(TEXT)] == list(MODELS)
    assert TEXT.count("```yaml") == len(MODELS)


def test_it_tells_of_every_key_and_fact() -> None:
    keys = {key for key, _, _ in lay("", []).items()} | {"profile", "title", "extends", "match", *FACTS}
    assert {key for key in keys if f"`{key}`" not in TEXT} == set()


def test_its_order_of_facts_is_the_right_one() -> None:
    places = [TEXT.index(f"`{fact}`", TEXT.index("the more telling fact wins")) for fact in reversed(FACTS)]
    assert places == sorted(places)
