"""What is so now, as plain values: what the page draws, `edgeseg top` shows and MQTT tells."""

from __future__ import annotations

import time
from typing import Any

from edgeseg import __version__
from edgeseg.config.secrets import hidden
from edgeseg.errors import one_line
from edgeseg.remote.around import Remote
from edgeseg.remote.live import Happened
from edgeseg.service.status import Now, line


def state(remote: Remote) -> dict[str, Any]:
    """The whole state. Times of stages are milliseconds a frame; what is not known is None."""
    live, control, run = remote.live, remote.control, remote.live.run
    word, sentence = live.status()
    reading = live.newest()
    settings = control.view if control.is_attached else None
    if settings is not None and not settings["on"] and word in ("running", "degraded"):
        word, sentence = "off", "Nobody is shown: it was switched off."
    runtime = run.runtime if run is not None else None
    engine = run.pipeline.engine if run is not None else None
    report = engine.report if engine is not None else None
    name = runtime.plan.name if runtime is not None else ""
    tier = (name.partition(" on ")[0] if " on " in name else run.tier) if run is not None else None
    stages = live.stages()
    pin = control.pin
    return {
        "version": __version__,
        "instance": remote.name,
        "at": round(time.time(), 3),
        "uptime_s": round(live.uptime_s, 1),
        "status": word,
        "sentence": sentence,
        "line": one_liner(remote),
        "fps": _rounded(live.fps),
        "target_fps": settings["target_fps"] if settings is not None else None,
        "source": hidden(one_line(run.source.info.detail)) if run is not None else None,
        "size": str(run.source.info.size) if run is not None else None,
        "live": run.source.info.live if run is not None else None,
        "sink": hidden(one_line(run.sink.detail)) if run is not None else None,
        "tier": tier,
        "engine": report.engine if report is not None else None,
        "engine_detail": _engine(report) if report is not None else None,
        "rung": _rung(remote, name),
        "pin": {"rung": pin[0], "left_s": round(pin[1], 1)} if pin is not None else None,
        "stages": stages,
        "latency_ms": stages["latency"]["p50_ms"] if "latency" in stages else None,
        "frames": {"shown": runtime.shown if runtime else 0, "captured": runtime.captured if runtime else 0},
        "masks": dict(live.counts.shown),
        "drops": dict(live.counts.drops),
        "degraded": [one.as_json() for one in live.degraded.values()],
        "temp_c": _rounded(reading.temp_c),
        "power_w": _rounded(reading.power_w, 2),
        "memory_mb": _rounded(reading.rss_mb),
        "memory_available_mb": _rounded(reading.memory_available_mb),
        "cpu_cores": _rounded(reading.own_cores, 2),
        "throttled": reading.throttled,
        "under_voltage": reading.under_voltage,
        "viewers": remote.preview.viewers,
        "revision": control.revision if settings is not None else None,
        "source_view": remote.shows_source,
    }


def history(remote: Remote) -> dict[str, list[float | None]]:
    """The figures of the last ten minutes, one a second, as columns."""
    samples = list(remote.live.samples)
    return {name: [getattr(one, name) for one in samples] for name in type(samples[0])._fields} if samples else {}


def facts(remote: Remote) -> list[Happened]:
    """The newest facts, the oldest first."""
    return list(remote.live.facts)


def one_liner(remote: Remote) -> str:
    """Such as "29.9 fps, selfie-landscape-144x256-int8 on cpu, 61 C"."""
    live, run = remote.live, remote.live.run
    word, sentence = live.status()
    if run is None or word in ("starting", "stalled", "ended"):
        return sentence
    if run.runtime.covered:
        return "off, nobody is shown"
    engine = run.pipeline.engine
    name = run.runtime.plan.name
    tier, on, _ = name.partition(" on ")
    newest = list(live.degraded)
    return line(
        Now(
            fps=live.fps,
            idle=run.runtime.idle,
            tier=tier if on else run.tier,
            engine=engine.report.engine if engine is not None else None,
            rung=name,
            temp_c=live.newest().temp_c,
            degraded=newest[-1] if newest else None,
        )
    )


def _engine(report: Any) -> str:
    nodes = f"{report.delegated_nodes} of {report.all_nodes} nodes" if report.all_nodes else ""
    parts = [report.library, f"{report.threads} threads", report.adapter or report.delegate or "", nodes]
    return ", ".join(part for part in parts if part)


def _rung(remote: Remote, name: str) -> dict[str, Any]:
    """The rung that runs, how far it is below the best one, and why."""
    ladder = remote.trace.ladder
    shown = [one["name"] for one in ladder if one["kind"] == "normal"]
    below = len(shown) - 1 - shown.index(name) if name in shown else None
    changed = remote.live.rung
    reason = changed.detail if changed is not None else ""
    return {
        "name": name,
        "governed": bool(ladder),
        "steps_below_best": below,
        "reason": changed.reason if changed is not None else None,
        "words": _words(below, reason, bool(ladder)),
    }


def _words(below: int | None, reason: str, governed: bool) -> str:
    if not governed:
        return "nobody governs: the tier was named, or nothing was measured"
    steps = {None: "", 0: "the best rung", 1: "one step down"}.get(below, f"{below} steps down")
    return ": ".join(part for part in (steps, reason) if part) or "as it began"


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)
