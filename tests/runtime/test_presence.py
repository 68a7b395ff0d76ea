"""An empty room is told of, once."""

from __future__ import annotations

import numpy as np

from edgeseg.facts import Noted
from edgeseg.frames import Mask
from edgeseg.presence import Presence

NOBODY, SOMEBODY = Mask(np.zeros((9, 16), np.uint8)), Mask(np.full((9, 16), 255, np.uint8))


def test_who_goes_and_who_comes_is_told_once() -> None:
    told: list[str] = []
    presence = Presence(lambda fact: told.append(fact.detail) if isinstance(fact, Noted) else None)
    for n in range(100):
        presence.saw(SOMEBODY if n < 20 or n >= 80 or n == 25 else NOBODY, n / 10)
    assert told == ["nobody is seen: the mask is empty", "somebody is seen again"]
    assert presence.anybody


def test_a_room_that_is_empty_from_the_start_is_told_of_after_a_second() -> None:
    told: list[object] = []
    presence = Presence(told.append)
    for n in range(10):
        presence.saw(NOBODY, n / 10)
    assert not told
    presence.saw(NOBODY, 1.0)
    assert told == [Noted("mask", "nobody is seen: the mask is empty")]
