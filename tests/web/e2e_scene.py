"""What the camera of the page's tests shows, the pinned portrait; and pictures for its gallery, drawn landscapes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edgeseg.frames import U8

WIDTH, HEIGHT = 1280, 720
FRAMES = 50


def scene(portrait: Path) -> U8:
    """(50, 1080, 1280) uint8: I420 of the portrait's upper part, swaying, in a loop of two seconds at 25 fps."""
    photo = cv2.imread(str(portrait))
    assert photo is not None
    large = cv2.resize(photo, (WIDTH + 60, WIDTH + 60), interpolation=cv2.INTER_CUBIC)
    frames = np.empty((FRAMES, HEIGHT * 3 // 2, WIDTH), np.uint8)
    for number in range(FRAMES):
        shift = round(30 * np.sin(2 * np.pi * number / FRAMES))
        part = large[:HEIGHT, 30 + shift : 30 + shift + WIDTH]
        frames[number] = cv2.cvtColor(part, cv2.COLOR_BGR2YUV_I420)
    return frames


def landscape(sky: str, ground: str, size: tuple[int, int] = (1280, 720), seed: int = 1) -> U8:
    """(H, W, 3) BGR: hills before an evening sky; colours as #rrggbb."""
    width, height = size
    top, low = (np.array([int(one[i : i + 2], 16) for i in (5, 3, 1)], float) for one in (sky, ground))
    random = np.random.default_rng(seed)
    fade = np.linspace(0, 1, height)[:, None, None]
    picture = np.repeat(top * (1 - fade) + (0.35 * top + 0.65 * np.array([190, 215, 250])) * fade, width, axis=1)
    columns, rows = np.arange(width), np.arange(height)[:, None]
    for hill in range(5):
        waves = sum(
            np.sin(columns / width * 2 * np.pi * k * 1.3 + random.uniform(0, 6.3)) * height * 0.05 / k
            for k in range(1, 6)
        )
        edge = height * (0.5 + 0.1 * hill) + waves
        shade = low * (0.55 + 0.45 * (4 - hill) / 4) + top * 0.12 * (4 - hill)
        picture[rows > edge] = np.clip(shade, 0, 255)
    return np.asarray(cv2.GaussianBlur(picture.astype(np.uint8), (0, 0), 1.2), np.uint8)


LANDSCAPES = {
    "Dusk": ("#5b4b8a", "#2b2a4c"),
    "Meadow": ("#8fc1e3", "#3f7d4e"),
    "Desert": ("#e8b98a", "#9c5a3c"),
    "Fjord": ("#9fb4c7", "#28536b"),
}
