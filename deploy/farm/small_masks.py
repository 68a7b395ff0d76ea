"""Masks that baselines keep, for the report's eyes: black and white, small, and each content once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from deploy.farm.card import Card
from edgeseg.frames import U8
from edgeseg.golden.evaluate import THRESHOLD

Bool = npt.NDArray[np.bool_]
FOLDER = "masks"
PNG = [cv2.IMWRITE_PNG_BILEVEL, 1, cv2.IMWRITE_PNG_COMPRESSION, 9]
LONGER_SIDE = 256  # pixels; no model's mask is larger than 320


def read(path: Path) -> U8 | None:
    """A mask's file as (H, W) uint8; None if it is not there or no picture."""
    if not path.is_file():
        return None
    found = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    return None if found is None else np.asarray(found, np.uint8)


def small(alpha: U8) -> Bool:
    """What is kept of a mask, (H, W) uint8: where the person is, at 256 pixels at most; of that itself, the same."""
    scale = min(1.0, LONGER_SIDE / max(alpha.shape))
    size = (max(1, round(alpha.shape[1] * scale)), max(1, round(alpha.shape[0] * scale)))
    person = np.where(alpha >= THRESHOLD, np.uint8(255), np.uint8(0))
    return np.asarray(cv2.resize(person, size, interpolation=cv2.INTER_AREA) >= THRESHOLD)


def keep(alpha: U8, folder: Path) -> str:
    """Put a mask into `folder`/masks, if it is not there; its path in `folder`. alpha: (H, W) uint8."""
    kept = small(alpha)
    done, content = cv2.imencode(".png", kept.astype(np.uint8) * 255, PNG)
    assert done
    # Named by what it shows: PNG's bytes may change with OpenCV's version.
    digest = hashlib.sha256(repr(kept.shape).encode() + np.packbits(kept).tobytes()).hexdigest()
    name = f"{FOLDER}/{digest[:16]}.png"
    if not (folder / name).is_file():
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{name}.part"
        unfinished.write_bytes(content.tobytes())
        unfinished.replace(folder / name)
    return name


def drop_unused(folder: Path, cards: Iterable[Card]) -> int:
    """Delete the masks of `folder`/masks that none of `cards` names; how many there were."""
    used = {item.mask for card in cards for item in card.items}
    unused = [path for path in sorted((folder / FOLDER).glob("*.png")) if f"{FOLDER}/{path.name}" not in used]
    for path in unused:
        path.unlink()
    return len(unused)
