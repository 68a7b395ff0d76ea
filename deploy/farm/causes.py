"""What the pattern of wrong masks proves of its cause, by undoing it.

A mask tells whether it was moved, mirrored, turned over in value, or holds nothing or everything: undone, it is the
baseline's again. It does not tell why a model sees less well (swapped channels, another scale, a broken weight), and
nothing is said of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np
import numpy.typing as npt

Bool = npt.NDArray[np.bool_]
Shift = tuple[int, int]

_FARTHEST = 16  # pixels a shift is looked for
_SAME = 0.98  # IoU with the baseline's mask, once undone
_GAIN = 0.5  # of what the two masks differ by, what undoing must take away
_MOST = 0.6  # of the pictures, how many must say the same


def cause(pairs: Iterable[tuple[Bool, Bool]]) -> str | None:
    """What most pictures' masks prove, as a clause; None if they prove nothing.

    pairs: of each picture that changed, the baseline's mask and the one of now, (H, W) bool, alike in shape.
    """
    said: list[str | None] = []
    shifts: list[tuple[Shift, float]] = []
    for before, after in pairs:
        said.append(_pattern(before, after))
        shift = None if _is_one_thing(after) else shifted(before, after)
        if shift is not None:
            shifts.append((shift, before.shape[1]))
    for text in filter(None, dict.fromkeys(said)):
        if said.count(text) > _MOST * len(said):
            return f"{text} in {said.count(text)} of {len(said)} pictures"
    return _one_shift(shifts, len(said)) if len(shifts) > _MOST * len(said) else None


def _one_shift(shifts: list[tuple[Shift, float]], pictures: int) -> str | None:
    """The shift that most pictures share: so many pixels, or where pictures differ in size such a part of them."""
    across, down = (round(float(np.median([shift[axis] for shift, _ in shifts]))) for axis in (0, 1))
    alike = sum(abs(x - across) <= 1 and abs(y - down) <= 1 for (x, y), _ in shifts)
    part_across, part_down = (float(np.median([shift[axis] / width for shift, width in shifts])) for axis in (0, 1))
    alike_in_part = sum(
        abs(x - part_across * width) <= 1 and abs(y - part_down * width) <= 1 for (x, y), width in shifts
    )
    if max(alike, alike_in_part) <= _MOST * pictures:
        return None
    if alike >= alike_in_part:
        way = _way(f"{abs(across)} px", across, f"{abs(down)} px", down)
    else:
        least = 0.5 / min(width for _, width in shifts)  # half a pixel of the smallest picture is no shift
        way = _way(
            f"{abs(part_across):.1%} of the width",
            part_across if abs(part_across) > least else 0,
            f"{abs(part_down):.1%} of the width",
            part_down if abs(part_down) > least else 0,
        )
    return f"the mask is shifted by {way} in {max(alike, alike_in_part)} of {pictures} pictures"


def shifted(before: Bool, after: Bool) -> Shift | None:
    """How far `after` lies to the right of and below `before`, in pixels; None if moving it back does not explain it.

    The peak of their cross-correlation, looked for within 16 pixels; what leaves the picture is not compared.
    """
    now = iou(before, after)
    if now >= _SAME or not before.any() or not after.any():
        return None
    reach = min(_FARTHEST, min(before.shape) // 4)
    if reach < 1:
        return None
    inner = before[reach:-reach, reach:-reach].astype(np.float32)
    match = cv2.matchTemplate(after.astype(np.float32), inner, cv2.TM_SQDIFF)
    _, _, (left, top), _ = cv2.minMaxLoc(match)
    across, down = int(left) - reach, int(top) - reach
    if (across, down) == (0, 0):
        return None
    back = after[top : top + inner.shape[0], left : left + inner.shape[1]]
    here = after[reach:-reach, reach:-reach]
    undone, before_undoing = iou(inner > 0, back), iou(inner > 0, here)
    return (across, down) if _explains(before_undoing, undone) else None


def iou(one: Bool, other: Bool) -> float:
    """Intersection over union; 1 where both are empty."""
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else 1.0


def _pattern(before: Bool, after: Bool) -> str | None:
    if before.any() and not after.any():
        return "the mask is empty"
    if after.all() and not before.all():
        return "everything is called person"
    here = iou(before, after)
    for text, undone in _undone(after):
        if not _is_one_thing(after) and _explains(here, iou(before, undone)):
            return text
    return None


def _undone(after: Bool) -> Iterator[tuple[str, Bool]]:
    ways: tuple[tuple[str, Callable[[Bool], Bool]], ...] = (
        ("person and background are exchanged", lambda mask: ~mask),
        ("the mask is mirrored left to right", lambda mask: mask[:, ::-1]),
        ("the mask is upside down", lambda mask: mask[::-1]),
    )
    for text, undo in ways:
        yield text, undo(after)


def _explains(here: float, undone: float) -> bool:
    """Whether undoing takes most of the difference away, or all of it."""
    return undone > here and (undone >= _SAME or ((1 - undone) < _GAIN * (1 - here) and undone > 0.9))


def _is_one_thing(mask: Bool) -> bool:
    return bool(mask.all() or not mask.any())


def _way(right: str, across: float, below: str, down: float) -> str:
    words = []
    if across:
        words.append(f"{right} to the {'right' if across > 0 else 'left'}")
    if down:
        words.append(f"{below} {'down' if down > 0 else 'up'}")
    return " and ".join(words) or "less than a pixel"
