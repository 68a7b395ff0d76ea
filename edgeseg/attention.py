"""Whether anybody reads what a run writes: asked now and then, and judged with patience, for readers come and go."""

from __future__ import annotations

from edgeseg.ports import FrameSink

ASK_S = 0.25  # a reader that goes is not missed at once


class Attention:
    """Of one sink. after_s: nobody must read for so long before it is lost; None: it never is.

    A sink that cannot know (`watched` is None) has it always.
    """

    def __init__(self, sink: FrameSink, after_s: float | None) -> None:
        self._sink, self._after_s = sink, after_s
        self._asked_s: float | None = None
        self._lacking_s: float | None = None  # since when it is known that nobody reads

    def is_lost(self, now_s: float) -> bool:
        """Whether nobody has read for `after_s` and nobody does now; cheap enough to be asked at each frame."""
        if self._after_s is None:
            return False
        if self._asked_s is None or now_s - self._asked_s >= ASK_S:
            self._ask(now_s)
        if self._lacking_s is None or now_s - self._lacking_s < self._after_s:
            return False
        return self._ask(now_s)  # somebody may just have come

    def regain(self) -> None:
        """Somebody reads again: the patience begins anew."""
        self._lacking_s = None

    def _ask(self, now_s: float) -> bool:
        self._asked_s = now_s
        if self._sink.watched is not False:
            self._lacking_s = None
        elif self._lacking_s is None:
            self._lacking_s = now_s
        return self._lacking_s is not None
