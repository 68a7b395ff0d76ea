"""Turn and mirror I420 planes: for cameras mounted sideways, mirrors, and a video's own rotation tag."""

from __future__ import annotations

import cv2

from edgeseg.frames import U8, Planes, Size

_TURN = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def oriented(size: Size, rotation: int) -> Size:
    """The size of a picture of `size` after a turn by `rotation` degrees (0, 90, 180 or 270)."""
    return Size(size.height, size.width) if rotation in (90, 270) else size


def orient(
    planes: Planes, out: Planes, rotation: int = 0, hflip: bool = False, vflip: bool = False, size: Size | None = None
) -> None:
    """Write `planes`, turned clockwise by `rotation` degrees and then mirrored, into `out`.

    rotation: 0, 90, 180 or 270. hflip: left becomes right, vflip: top becomes bottom, as seen after the turn.
    size: the picture's own size where its sides are odd; `planes.y` may then be of that size or of its even
    one, and the last row and column of the result are repeated as `Frame` asks. `out` has the even sides of
    the turned size and shares no memory with `planes`. Raises ValueError if it does not fit.
    """
    size = size or planes.size
    target = oriented(size, rotation)
    if out.size != target.even:
        raise ValueError(f"planes of {out.size} cannot hold a picture of {target}")
    luma = out.y[: target.height, : target.width]
    _plane(planes.y[: size.height, : size.width], luma, rotation, hflip, vflip)
    _plane(planes.u, out.u, rotation, hflip, vflip)
    _plane(planes.v, out.v, rotation, hflip, vflip)
    repeat_edges(out, target)


def repeat_edges(planes: Planes, size: Size) -> None:
    """Repeat the last row and column of a picture of `size`, in place, where they make the sides even."""
    if size.width & 1:
        planes.y[: size.height, -1] = planes.y[: size.height, -2]
    if size.height & 1:
        planes.y[-1] = planes.y[-2]


def _plane(source: U8, out: U8, rotation: int, hflip: bool, vflip: bool) -> None:
    if hflip and vflip:  # a mirror both ways is half a turn more
        rotation, hflip, vflip = (rotation + 180) % 360, False, False
    if rotation == 0 and not (hflip or vflip):
        out[...] = source
    elif rotation == 0:
        cv2.flip(source, 1 if hflip else 0, dst=out)
    else:
        cv2.rotate(source, _TURN[rotation], dst=out)
        if hflip or vflip:
            cv2.flip(out, 1 if hflip else 0, dst=out)
