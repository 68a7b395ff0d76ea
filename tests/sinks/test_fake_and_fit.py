from __future__ import annotations

import numpy as np
import pytest
from sink_pictures import make_frame

from edgeseg.errors import OutputClosed, OutputError
from edgeseg.facts import Fact, ignore
from edgeseg.frames import Frame, Size
from edgeseg.sinks.fit import FirstSize
from edgeseg.testing.sink import FakeSink


def test_the_fake_keeps_copies() -> None:
    sink = FakeSink()
    frame = make_frame(alpha=True)
    before = frame.planes.y.copy()
    sink.write(frame)
    frame.planes.fill((0, 0, 0))
    np.testing.assert_array_equal(sink.frames[0].planes.y, before)
    assert sink.frames[0].alpha is not frame.alpha


def test_the_fake_forgets_old_frames_if_told_to() -> None:
    sink = FakeSink(keep=2)
    for index in range(5):
        sink.write(make_frame(index))
    assert [frame.index for frame in sink.frames] == [3, 4]
    assert sink.written == 5


def test_the_fake_fails_on_time_and_ever_after() -> None:
    sink = FakeSink(fail_at=1)
    sink.write(make_frame())
    for _ in range(2):
        with pytest.raises(OutputError, match="cannot write fake: no space is left on that disk"):
            sink.write(make_frame())
    assert sink.written == 1
    closing = FakeSink(fail_at=0, error=OutputClosed("the reader has gone"))
    with pytest.raises(OutputClosed):
        closing.write(make_frame())


def test_the_fake_dawdles() -> None:
    seen: list[Frame] = []
    frame = make_frame()
    FakeSink(slow=seen.append).write(frame)
    assert seen == [frame]


def test_a_frame_that_fits_passes_untouched(facts: list[Fact]) -> None:
    fit = FirstSize(facts.append)
    frames = [make_frame(i) for i in range(3)]
    assert [fit(frame) for frame in frames] == frames
    assert facts == []


@pytest.mark.parametrize("size", [Size(320, 240), Size(64, 48), Size(1, 1), Size(1000, 2), Size(3, 901)])
def test_what_is_fitted_is_whole_and_black_around(size: Size) -> None:
    fit = FirstSize(ignore)
    fit(make_frame(0))
    white = make_frame(1, size, alpha=True)
    white.planes.fill((235, 128, 128))
    assert white.alpha is not None
    white.alpha.fill(255)
    fitted = fit(white)
    assert fitted.size == Size(160, 120)
    assert fitted.alpha is not None
    scale = min(160 / size.even.width, 120 / size.even.height)
    wanted = max(1, round(size.even.width * scale)) * max(1, round(size.even.height * scale))
    assert (fitted.planes.y == 235).sum() == wanted
    assert (fitted.alpha == 255).sum() == wanted
    assert (fitted.planes.y == 16).sum() == 160 * 120 - wanted
    assert fitted.index == 1


def test_sizes_that_alternate_leave_no_rest_of_each_other() -> None:
    fit = FirstSize(ignore)
    fit(make_frame(0))
    for size in [Size(160, 20), Size(20, 120), Size(160, 20)]:
        white = make_frame(1, size)
        white.planes.fill((235, 128, 128))
        assert (fit(white).planes.y == 235).sum() == size.width * size.height
