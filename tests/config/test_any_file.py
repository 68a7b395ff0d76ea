"""Whatever a file holds, it is a profile or config file, or refused in lines that begin with its name."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeseg.config.effective import lay
from edgeseg.config.profile import ConfigFile, Keys, Profile
from edgeseg.config.profiles import checked
from edgeseg.errors import ConfigError

NAMES = st.sampled_from(
    [*Profile.model_fields, "profile", "temp_c", "temp_f", "power_w", "fps", "size", "soc", "patience_s", "[0]", "{x}"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.dates()
    | st.binary(max_size=4)
    | st.text(max_size=8)
    | st.sampled_from(["auto", "30000/1001", "1280x720", "75 C", "%s", "{0}", "\x85", "cpu", "generic"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(NAMES | st.integers() | st.none() | st.booleans() | st.dates(), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("model", [Profile, ConfigFile])
@settings(max_examples=150, deadline=None)
@given(content=st.dictionaries(NAMES, VALUES, max_size=5) | VALUES)
def test_any_yaml(model: type[Keys], content: Any) -> None:
    try:
        text = yaml.safe_dump(content, allow_unicode=True).encode("utf-8", "surrogatepass")
    except yaml.YAMLError:
        return
    held_or_refused(text, model)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text("&*[]{}:-#!|>'\"%@ \t\n0ax<,?", max_size=60).map(str.encode))
def test_any_bytes(content: bytes) -> None:
    held_or_refused(content, ConfigFile)


def held_or_refused(content: bytes, model: type[Keys]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.yaml"
        path.write_bytes(content)
        try:
            found = lay("a", [checked(path, model)[1]])
        except ConfigError as error:
            lines = str(error).split("\n")
            assert all(line.startswith(str(path)) and len(line) < 1200 for line in lines)
        else:
            assert all(origin.startswith(str(path)) for origin in found.origins.values())
