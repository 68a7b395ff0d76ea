"""Two or more ways of making masks, side by side: a video, and a page with figures.

A way is words as on the command line: `tier=selfie-288x288-fp16 follow steady`. All ways see the same frames, in turns,
so that their times can be compared. What is shown is what a sink would get: the room stays hidden.
"""

from __future__ import annotations

import html
import statistics
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from edgeseg.build import Settings, check_words, make_pipeline, open_background, open_sink, open_source
from edgeseg.clock import SystemClock
from edgeseg.errors import EngineFault, OutputError, UsageError, did_you_mean
from edgeseg.facts import ignore
from edgeseg.frames import U8, Frame, Mask, Planes, Size
from edgeseg.pipeline import Mode, Pipeline
from edgeseg.ports import SinkWish, SourceWish
from edgeseg.stages.motion import Grey
from edgeseg.stages.pixels import i420_to_rgb

VIDEO, PAGE = "compare.webm", "compare.html"
PICTURES = 4  # frames that stand on the page
_SWITCHES = ("refine", "follow", "steady", "tidy", "despill", "light_wrap")
_STILL = 3  # of 255: where a small grey picture differs by no more, it stands still
_GAP = 8  # pixels between two ways

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Way:
    """One way, and what came of it. ms: of each frame, from picture to picture. still: mask changes where none was."""

    words: str
    settings: Settings
    ms: list[float] = field(default_factory=list)
    coverage: list[float] = field(default_factory=list)
    still: list[float] = field(default_factory=list)
    masks: list[U8] = field(default_factory=list)  # the newest one
    covered: int = 0  # frames without a mask

    @property
    def figures(self) -> dict[str, float]:
        """Milliseconds a frame (median), share of the frame that is person, flicker, frames that were covered."""
        return {
            "ms": statistics.median(self.ms) if self.ms else 0.0,
            "person": statistics.fmean(self.coverage) if self.coverage else 0.0,
            "flicker": statistics.fmean(self.still) if self.still else 0.0,
            "covered": float(self.covered),
        }


def way_of(words: str, common: Settings) -> Way:
    """A way from its words; raises UsageError for one that means nothing."""
    settings = replace(common)
    for word in words.split():
        name, equals, value = word.partition("=")
        name = name.replace("-", "_")
        if name == "tier" and value:
            settings.tier = value
        elif name == "feather" and value:
            settings.feather = _percent(word, value)
        elif name.removeprefix("no_") in _SWITCHES and not equals:
            setattr(settings, name.removeprefix("no_"), not name.startswith("no_"))
        else:
            switches = [one.replace("_", "-") for one in _SWITCHES]
            known = ("tier=NAME", "feather=PERCENT", *switches, *(f"no-{one}" for one in switches))
            raise UsageError(f"--with says {word!r}, which is no way of making masks; {did_you_mean(word, known)}")
    check_words(settings)
    return Way(words, settings)


def _percent(word: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"--with says {word!r}, but {value!r} is no number; write feather=0.3, in percent.") from None


def compare(ways: list[Way], common: Settings, folder: Path, progress: Progress | None = None) -> Path:
    """Run the source through each way; gives the page, written into `folder` beside the video and its pictures.

    Raises OutputError if it cannot be written, and what sources, sinks and engines raise.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be made: {error.strerror}; choose another --output.") from None
    clock = SystemClock()
    cv2.setNumThreads(1)
    with ExitStack() as stack:
        source = open_source(common.source, SourceWish(), clock, ignore)
        stack.callback(source.close)
        sink = open_sink(f"file:{folder / VIDEO}", SinkWish(source.info.fps), ignore)
        stack.callback(sink.close)
        lines: list[Pipeline] = []
        for way in ways:
            mode, background = open_background(common.background)
            if mode is not Mode.REPLACE:
                raise UsageError(
                    f"--background {common.background} hides nothing before which to compare; choose blur."
                )
            lines.append(make_pipeline(way.settings, mode, background, clock)[0])
            stack.callback(lines[-1].close)
            lines[-1].prove()
        shown: list[U8] = []
        grey: Grey | None = None
        before: U8 | None = None
        size = None
        wanted = min(filter(None, (common.frames, source.info.frames)), default=0)
        count = 0
        while (common.frames is None or count < common.frames) and (frame := source.read()) is not None:
            if grey is None or size != frame.size:
                grey, size, before = Grey(frame.size), frame.size, None
            now = grey(frame.planes.y, (), grey.new())
            still = None if before is None else cv2.absdiff(now, before) <= _STILL
            before = now
            order = range(len(ways)) if count % 2 else reversed(range(len(ways)))
            made = {n: _one(ways[n], lines[n], frame, still, clock.now) for n in order}
            pictures = [made[n] for n in range(len(ways))]
            beside = _beside(pictures, frame)
            sink.write(beside)
            if wanted and count in {wanted * (2 * n + 1) // (2 * PICTURES) for n in range(PICTURES)}:
                shown.append(_bgr(beside))
            count += 1
            if progress is not None:
                progress(count, max(wanted, count))
    return _written(folder, ways, shown, count)


def _one(way: Way, line: Pipeline, frame: Frame, still: U8 | None, now: Callable[[], float]) -> Planes:
    frame = Frame(frame.planes, frame.size, frame.index, frame.pts, frame.time_base, frame.color, frame.time_s)
    start = now()
    mask: Mask | None
    try:
        mask = line.segment(frame)
    except EngineFault:
        mask, way.covered = None, way.covered + 1
    planes = line.show(frame, mask).planes
    way.ms.append((now() - start) * 1e3)
    out = Planes.allocate(frame.size)
    planes.copy_to(out)
    if mask is not None:
        way.coverage.append(mask.coverage)
        if still is not None and way.masks and way.masks[-1].shape == mask.alpha.shape:
            where = cv2.resize(still.astype(np.uint8), (mask.alpha.shape[1], mask.alpha.shape[0])) > 0
            changed = ((mask.alpha >= 128) != (way.masks[-1] >= 128)) & where
            way.still.append(float(np.count_nonzero(changed)) / changed.size)
        way.masks = [mask.alpha.copy()]
    return out


def _beside(pictures: list[Planes], like: Frame) -> Frame:
    """The pictures from left to right, black between them."""
    height, width = pictures[0].y.shape
    size = Size(len(pictures) * (width + _GAP) - _GAP, height)
    planes = Planes.allocate(size)
    planes.fill((16, 128, 128))
    for n, picture in enumerate(pictures):
        for level, (source, target) in enumerate(zip(picture, planes, strict=True)):
            left = n * (width + _GAP) >> (level > 0)
            target[:, left : left + source.shape[1]] = source
    return Frame(planes, size, like.index, like.pts, like.time_base, like.color)


def _bgr(frame: Frame) -> U8:
    out = np.empty((frame.size.height, frame.size.width, 3), np.uint8)
    i420_to_rgb(frame.planes, frame.color, out, bgr=True)
    return out


def _written(folder: Path, ways: list[Way], shown: list[U8], count: int) -> Path:
    rows = [
        f"<tr><td>{chr(65 + n)}: {html.escape(way.words) or 'as it is'}</td><td>{way.figures['ms']:.2f}</td>"
        f"<td>{way.figures['person']:.2%}</td><td>{way.figures['flicker']:.4%}</td><td>{way.covered}</td></tr>"
        for n, way in enumerate(ways)
    ]
    images = [f'<p><img src="frame-{n}.jpg" width="100%"></p>' for n in range(len(shown))]
    page = f"""<!doctype html><meta charset="utf-8"><title>edgeseg compare</title>
<style>body {{ font: 15px sans-serif; margin: 2em }} td, th {{ padding: 2px 12px; text-align: left }}</style>
<h1>From left to right</h1>
<table><tr><th>way</th><th>ms a frame, median</th><th>person</th><th>flicker where the picture stands still</th>
<th>frames covered</th></tr>{"".join(rows)}</table>
<p>{count} frames, the ways in turns, engine included. <a href="{VIDEO}">The video</a></p>
<video src="{VIDEO}" controls loop width="100%"></video>{"".join(images)}
"""
    try:
        for n, picture in enumerate(shown):
            cv2.imwrite(str(folder / f"frame-{n}.jpg"), picture)
        (folder / PAGE).write_text(page, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder / PAGE} cannot be written: {error.strerror}.") from None
    return folder / PAGE
