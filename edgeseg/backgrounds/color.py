"""One colour: `color:#00ff00`."""

from __future__ import annotations

import re

from edgeseg.errors import UsageError
from edgeseg.frames import U8, ColorSpace, Frame, Mask, Planes, Size
from edgeseg.stages.pixels import yuv


class ColorBackground:
    """A plain colour, `#RRGGBB`."""

    paints_anew = False

    def __init__(self, where: str) -> None:
        match = re.fullmatch(r"#?([0-9a-fA-F]{6})", where)
        if not match:
            raise UsageError(f"The background colour {where!r} is not of the form #RRGGBB, such as color:#00b140.")
        value = int(match[1], 16)
        self.rgb = (value >> 16, value >> 8 & 255, value & 255)
        self._made: tuple[Size, ColorSpace, Planes] | None = None
        self.half: U8 | None = None

    def render(self, frame: Frame, mask: Mask | None) -> Planes:
        """See `Background.render`."""
        size = frame.planes.size
        if self._made is None or self._made[:2] != (size, frame.color):
            planes = Planes.allocate(size)
            planes.fill(yuv(self.rgb, frame.color))
            self._made = (size, frame.color, planes)
            self.half = planes.y[: size.height // 2, : size.width // 2]
        return self._made[2]

    def close(self) -> None:
        """Nothing is open."""
