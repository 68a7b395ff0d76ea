"""A background for tests: one colour it is told, planes it spoils as the port allows, and a history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgeseg.errors import EdgesegError, UsageError
from edgeseg.frames import Frame, Mask, Planes, Size
from edgeseg.stages.pixels import yuv


@dataclass(frozen=True, slots=True)
class Rendered:
    """One `render`: the frame's index, the size of the planes, and of which frame the mask was (None: no mask)."""

    index: int
    size: Size
    mask_of: int | None


class FakeBackground:
    """Obeys the contract of `Background` and shows `rgb`.

    Levers: `fail_at`, the number of the render (from 0) that raises `error`, as does every one after it; `slow`,
    called before each render is done (sleep in it, or wait for an event). History: `rendered`; `closes`, how often
    it was closed. It spoils its last planes when the next are asked for, and raises AssertionError for a mask that is
    no mask, and for a render after `close`.

    >>> background = FakeBackground(fail_at=1)
    >>> frame = Frame(Planes.allocate(Size(4, 2)), Size(4, 2))
    >>> background.render(frame, None).y.tolist()
    [[145, 145, 145, 145], [145, 145, 145, 145]]
    """

    def __init__(
        self,
        rgb: tuple[int, int, int] = (0, 255, 0),
        *,
        fail_at: int | None = None,
        error: EdgesegError | None = None,
        slow: Callable[[Frame], None] | None = None,
        paints_anew: bool = True,
    ) -> None:
        self.paints_anew = paints_anew
        self.half = None
        self.rgb = rgb
        self.fail_at = fail_at
        self.error = error or UsageError("The fake background was told to fail.")
        self.slow = slow
        self.rendered: list[Rendered] = []
        self.closes = 0
        self._planes: list[Planes] = []

    def render(self, frame: Frame, mask: Mask | None) -> Planes:
        """See `Background.render`; raises `error` from `fail_at` on."""
        assert not self.closes, "rendered after close"
        size = frame.planes.size
        if mask is not None:
            assert mask.alpha.dtype == np.uint8
            assert mask.alpha.ndim == 2
        if self.slow is not None:
            self.slow(frame)
        number = len(self.rendered)
        self.rendered.append(Rendered(frame.index, size, mask.frame_index if mask else None))
        if self.fail_at is not None and number >= self.fail_at:
            raise self.error
        if not self._planes or self._planes[0].size != size:
            self._planes = [Planes.allocate(size), Planes.allocate(size)]
        last, planes = self._planes
        self._planes.reverse()
        planes.fill(yuv(self.rgb, frame.color))
        last.fill((255, 0, 255))  # whoever kept them sees it
        return planes

    def close(self) -> None:
        """See `Background.close`."""
        self.closes += 1
