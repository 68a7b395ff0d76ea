"""What a new config may change while the run lasts, and the sentence where it may not."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import pytest

from edgeseg.build import Settings
from edgeseg.errors import UsageError
from edgeseg.frames import Size
from edgeseg.service import changes
from edgeseg.service.changes import changed, needs_source, refuse, words

OLD = Settings(source="camera:0", background="blur", sink="v4l2:/dev/video10", fps=Fraction(30), size=Size(640, 480))
RATE = Fraction(30)


def test_every_setting_is_sorted_into_one_way_or_refused() -> None:
    ways = [changes.BETWEEN, changes.ENGINE, changes.SOURCE, changes.SINK]
    sorted_in = [name for way in ways for name in way]
    assert len(sorted_in) == len(set(sorted_in))
    assert set(sorted_in) <= set(Settings.__dataclass_fields__)
    # Those of the command line alone, and what a run is made of from its start.
    assert set(Settings.__dataclass_fields__) - set(sorted_in) == {
        *("require_engine", "segmenter", "engine_deadline_s", "frames", "realtime", "every", "key", "seek_s"),
        *("follow", "whole_body"),
    }


def test_what_differs_is_told() -> None:
    new = replace(OLD, background="color:#000000", hflip=True)
    assert changed(OLD, new) == {"background", "hflip"}
    assert changed(OLD, OLD) == frozenset()
    assert words({"background", "max_mask_age_s"}, policy=True) == "background, max_mask_age_ms, limits and targets"


@pytest.mark.parametrize(
    ("new", "opens"),
    [
        (replace(OLD, background="blur:20"), False),
        (replace(OLD, fps=Fraction(15)), False),  # frames are left out
        (replace(OLD, fps=Fraction(60)), True),  # the camera is asked for more
        (replace(OLD, size=Size(1280, 720)), True),
        (replace(OLD, source="camera:1"), True),
        (replace(OLD, hflip=True), True),
    ],
)
def test_the_source_is_opened_anew_where_it_must_be(new: Settings, opens: bool) -> None:
    assert needs_source(changed(OLD, new), new, RATE, reopens=True) is opens


@pytest.mark.parametrize(
    ("old", "new", "live", "sentence"),
    [
        (OLD, replace(OLD, segmenter="chroma"), True, "segmenter cannot change while it runs"),
        (OLD, replace(OLD, key={"color": "#00ff00"}), True, "key_color cannot change while it runs"),
        (OLD, replace(OLD, background="none"), True, "background none cannot follow blur"),
        (replace(OLD, background="alpha"), OLD, True, "background blur cannot follow alpha"),
        (OLD, replace(OLD, source="camera:1"), False, "source cannot change while a file is read"),
        (OLD, replace(OLD, tier="auto"), False, "tier cannot change while a file is read"),
    ],
)
def test_what_cannot_change_is_refused_with_what_to_do(old: Settings, new: Settings, live: bool, sentence: str) -> None:
    with pytest.raises(UsageError, match=f"{re.escape(sentence)}.*sudo systemctl restart edgeseg@cam"):
        refuse(changed(old, new), old, new, live, "sudo systemctl restart edgeseg@cam")


def test_the_rest_is_allowed() -> None:
    new = replace(OLD, background="color:#000000", source="camera:1", sink="null", tier="auto", refine=False)
    refuse(changed(OLD, new), OLD, new, True, "sudo systemctl restart edgeseg@cam")
