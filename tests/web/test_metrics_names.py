"""The figures, their page and the dashboard name the same things."""

from __future__ import annotations

import json
import re
from pathlib import Path

from paging import paging, soon
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parents[2]


def documented() -> set[str]:
    page = (ROOT / "docs" / "metrics.md").read_text()
    return {
        name
        for row in page.splitlines()
        if row.startswith("| `edgeseg_")
        for name in re.findall("`(edgeseg_[a-z_]+)`", row.split("|")[1])
    }


def test_every_figure_is_documented_and_parses() -> None:
    with paging() as made:
        soon(lambda: "\nedgeseg_fps " in made.client.get("/metrics").text)
        text = made.client.get("/metrics").text
    families = list(text_string_to_metric_families(text))
    names = {sample.name for family in families for sample in family.samples}
    plain = {re.sub("_(bucket|count|sum)$", "", name) if "stage" in name else name for name in names}
    assert plain <= documented()
    assert {"edgeseg_fps", "edgeseg_frames_shown_total", "edgeseg_stage_seconds", "edgeseg_info"} <= plain


def test_the_dashboard_asks_for_documented_figures() -> None:
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "edgeseg.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall("edgeseg_[a-z_]+", target["expr"])
    }
    assert {re.sub("_bucket$", "", name) for name in asked} <= documented()
    assert len(asked) > 12
