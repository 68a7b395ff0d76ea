"""A trace over time, as a picture: frame rate, rung, temperature, power, memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeseg.errors import NotPermitted, OutputError, UsageError
from edgeseg.governor.trace import Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, SOFT, LIMIT, OTHER = "#1f4e79", "#9fb8d0", "#b3261e", "#c77700"
SECOND = 1.0
NAMED = 0.15  # of the whole time: a shorter stay has no room for its name
Series = tuple[list[float], list[float]]


def draw(trace: Trace, path: Path, title: str, oracle: Sequence[tuple[float, float]] = ()) -> None:
    """Write a PNG of at most some 100 kB. oracle: (seconds, quality) of the best that could be done, to draw beside.

    Raises UsageError without matplotlib or if there is nothing to draw, OutputError if the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError("Plots need matplotlib: pip install 'edgeseg[plot]'.") from error
    seen = [look.seen for look in trace.looks]
    if not seen:
        raise UsageError("The trace holds no looks: there is nothing to draw.")
    zero_s = seen[0].now_s
    panels = [_rate, _rung, *(panel for panel in (_temperature, _power, _memory) if _has(trace, panel))]
    figure = Figure(figsize=(10, 1.2 + 1.75 * len(panels)), dpi=90, layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    figure.suptitle(title, fontsize=12)
    for axis, panel in zip(axes, panels, strict=True):
        panel(axis, trace, zero_s)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
        for look in trace.looks:
            if look.decision.changed:
                axis.axvline(look.seen.now_s - zero_s, color="#888888", linewidth=0.6, linestyle=":")
    if oracle:
        axes[1].step(*zip(*oracle, strict=True), where="post", color=OTHER, linewidth=1, label="oracle")
    for axis in axes:
        axis.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0, fontsize=7, edgecolor="none", ncols=3)
    axes[-1].set_xlabel("seconds")
    try:
        figure.savefig(path, format="png")
    except PermissionError as error:
        raise NotPermitted(f"{path} may not be written: {error.strerror}.") from error
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error


def _has(trace: Trace, panel: Any) -> bool:
    name = {_temperature: "temp_c", _power: "power_w", _memory: "memory_mb"}[panel]
    return any(getattr(look.seen, name) is not None for look in trace.looks)


def _rate(axis: Axes, trace: Trace, zero_s: float) -> None:
    """Over each whole second."""
    axis.step(*_per_second(trace, "frames_in", zero_s), where="post", color=SOFT, label="source")
    axis.step(*_per_second(trace, "frames_out", zero_s), where="post", color=INK, label="shown")
    if trace.policy.fps > 0:
        axis.axhline(trace.policy.fps, color=LIMIT, linewidth=0.8, linestyle="--", label="target")
    axis.set_ylabel("fps")
    axis.set_ylim(bottom=0)


def _per_second(trace: Trace, name: str, zero_s: float) -> Series:
    times, rates = [], []
    span_s, count = 0.0, 0
    for look in trace.looks:
        span_s, count = span_s + look.seen.span_s, count + getattr(look.seen, name)
        if span_s >= SECOND - 1e-6:
            times.append(look.seen.now_s - zero_s - span_s)
            rates.append(count / span_s)
            span_s, count = 0.0, 0
    return times, rates


def _rung(axis: Axes, trace: Trace, zero_s: float) -> None:
    """By quality, each stay with the rung's name."""
    quality = {rung.name: rung.quality for rung in trace.ladder}
    times: list[float] = []
    rungs: list[str] = []
    for look in trace.looks:
        if look.seen.rung in quality:
            times.append(look.seen.now_s - zero_s)
            rungs.append(str(look.seen.rung))
    axis.step(times, [quality[rung] for rung in rungs], where="post", color=INK, label="rung")
    starts = [number for number, rung in enumerate(rungs) if number == 0 or rung != rungs[number - 1]]
    for start, end in zip(starts, [*starts[1:], len(rungs) - 1], strict=True):
        if times[end] - times[start] > NAMED * (times[-1] - times[0]):
            place = (times[start], quality[rungs[start]])
            axis.annotate(
                rungs[start], place, xytext=(2, -8), textcoords="offset points", fontsize=6, color=INK, clip_on=True
            )
    axis.set_ylabel("quality")
    axis.margins(y=0.15)  # for the names


def _temperature(axis: Axes, trace: Trace, zero_s: float) -> None:
    _sensor(axis, trace, zero_s, "temp_c", "C", trace.policy.temp_max_c)


def _power(axis: Axes, trace: Trace, zero_s: float) -> None:
    _sensor(axis, trace, zero_s, "power_w", "W", trace.policy.power_max_w)


def _memory(axis: Axes, trace: Trace, zero_s: float) -> None:
    _sensor(axis, trace, zero_s, "memory_mb", "MB", trace.policy.memory_max_mb)
    given = [(look.seen.now_s - zero_s, look.seen.cgroup_memory_limit_mb) for look in trace.looks]
    limits = [(at_s, limit) for at_s, limit in given if limit is not None]
    if limits:
        axis.step(*zip(*limits, strict=True), where="post", color=LIMIT, linewidth=0.8, label="control group's limit")


def _sensor(axis: Axes, trace: Trace, zero_s: float, name: str, unit: str, limit: float | None) -> None:
    """What a sensor said, as the mean of each second, a gap where it said nothing."""
    said: dict[int, list[float]] = {}
    for look in trace.looks:
        value = getattr(look.seen, name)
        said.setdefault(int(look.seen.now_s - zero_s), []).extend([] if value is None else [value])
    means = [sum(values) / len(values) if values else float("nan") for values in said.values()]
    axis.plot(list(said), means, color=INK, linewidth=0.9, label=f"{unit}, as the sensor says")
    if limit is not None:
        axis.axhline(limit, color=LIMIT, linewidth=0.8, linestyle="--", label="limit")
    axis.set_ylabel(unit)
