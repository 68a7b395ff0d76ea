"""Figures for Prometheus; docs/metrics.md is the list of their names, which stay.

What is not known is not there, and never 0. Times of stages go into histograms once a second, from the ring that the
run keeps anyway, so that no frame waits for them.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from edgeseg import __version__
from edgeseg.remote.around import Remote
from edgeseg.remote.state import state

STATUSES = ("starting", "running", "degraded", "off", "idle", "stalled", "ended")
BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.033, 0.05, 0.1, 0.2, 0.5, 1.0)
_GAUGES = (
    ("fps", "edgeseg_fps", "Frames that went out a second, over the last three seconds.", 1.0),
    ("target_fps", "edgeseg_target_fps", "Frames a second to hold, where that was set.", 1.0),
    ("temp_c", "edgeseg_temperature_celsius", "The hottest believed sensor of the chip.", 1.0),
    ("power_w", "edgeseg_power_watts", "What the board draws, or where nothing measures that, the processor.", 1.0),
    ("memory_mb", "edgeseg_memory_bytes", "Resident memory of the process and its children.", 1e6),
    ("memory_available_mb", "edgeseg_memory_available_bytes", "What the system could still give.", 1e6),
    ("cpu_cores", "edgeseg_cpu_cores", "Cores kept busy by the process and its children.", 1.0),
    ("throttled", "edgeseg_throttled", "1 while the board slows itself down.", 1.0),
    ("under_voltage", "edgeseg_under_voltage", "1 while the supply is too weak.", 1.0),
    ("viewers", "edgeseg_viewers", "How many look at the preview.", 1.0),
    ("uptime_s", "edgeseg_uptime_seconds", "Since the start.", 1.0),
)


class Metrics(Collector):
    """The figures of one run."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a gauge for each histogram, of which nobody makes anything
        self.registry = CollectorRegistry()
        self._stages = Histogram(
            "edgeseg_stage_seconds",
            "What a stage took.",
            ["stage"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._seen: dict[str, int] = {}
        self.registry.register(self)
        remote.live.ticked.append(self._observe)

    def exposed(self, accept: str) -> tuple[bytes, str]:
        """(the text, its content type) in the format that the scraper takes."""
        encode, kind = choose_encoder(accept)
        return encode(self.registry), kind

    def describe(self) -> list[Metric]:
        """Nothing beforehand; see prometheus_client."""
        return []

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client; at each scrape."""
        live, now = self._remote.live, state(self._remote)
        yield InfoMetricFamily("edgeseg", "Which edgeseg.", {"version": __version__, "name": self._remote.name})
        status = GaugeMetricFamily("edgeseg_status", "1 for what the run does.", labels=["status"])
        for one in STATUSES:
            status.add_metric([one], one == now["status"])
        yield status
        for key, name, text, factor in _GAUGES:
            if now[key] is not None:
                yield GaugeMetricFamily(name, text, float(now[key]) * factor)
        counts = live.counts
        captured = now["frames"]["captured"]
        yield CounterMetricFamily("edgeseg_frames_captured", "Frames that the source gave.", captured)
        yield _counted("edgeseg_frames_shown", "Frames that went out, by the mask they had.", "mask", counts.shown)
        yield _counted("edgeseg_frames_dropped", "Frames that did not go out.", "cause", counts.drops)
        yield _counted("edgeseg_faults", "How often less was shown than was asked for.", "kind", counts.degraded)
        yield _counted("edgeseg_rung_changes", "Changes of the rung.", "reason", counts.rung_changes)
        yield CounterMetricFamily("edgeseg_settings_refused", "Changes of settings that were refused.", counts.refused)
        pictures = self._remote.preview.encoded
        yield CounterMetricFamily("edgeseg_preview_pictures", "JPEGs made for viewers.", pictures)
        degraded = GaugeMetricFamily("edgeseg_degraded", "1 for each fault that lasts.", labels=["kind"])
        for cause in live.degraded:
            degraded.add_metric([cause], 1)
        yield degraded
        rung = now["rung"]
        labels = {"rung": rung["name"], "tier": now["tier"] or "", "engine": now["engine"] or ""}
        yield InfoMetricFamily("edgeseg_rung", "What runs.", labels)
        if rung["steps_below_best"] is not None:
            steps = float(rung["steps_below_best"])
            yield GaugeMetricFamily("edgeseg_rung_steps_below_best", "How far below the ladder's best rung.", steps)

    def _observe(self) -> None:
        run = self._remote.live.run
        if run is None:
            return
        times = run.runtime.times
        for stage in times.stages:
            seconds, self._seen[stage] = times.since(stage, self._seen.get(stage, 0))
            observe = self._stages.labels(stage).observe
            for one in seconds:
                observe(one)


def _counted(name: str, text: str, label: str, counts: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family
