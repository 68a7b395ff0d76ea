"""The report as one HTML page: nothing is fetched, nothing is run, and every picture is inside."""

from __future__ import annotations

from html import escape
from itertools import groupby
from pathlib import Path

from quantize.report.facts import Evidence, Panel, Worst
from quantize.report.ops import op_sections
from quantize.report.svg import mark, score_plot
from quantize.report.tables import disputed, ladder, outside, passes

WIDE, NARROW = (1040.0, 520.0), (380.0, 460.0)
STYLE = Path(__file__).with_name("page.css")


def page(evidence: Evidence) -> str:
    """The whole page."""
    sections = (
        ("plot", "Score against time", _plots(evidence)),
        ("ladder", "The ladder", _ladder(evidence)),
        ("outside", "Candidates that are no tiers", _outside(evidence)),
        ("ops", "Where the time goes", _ops(evidence)),
        ("passes", "What the passes save", _passes(evidence)),
        ("worst", "The worst pictures of each tier", _worst(evidence)),
    )
    links = "".join(f'<li><a href="#{name}">{escape(title)}</a></li>' for name, title, _ in sections)
    body = "".join(
        f'<section id="{name}"><h2>{escape(title)}</h2>\n{content}</section>\n' for name, title, content in sections
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n<title>edgeseg: the tiers</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<style>\n{STYLE.read_text(encoding='utf-8')}</style></head>\n<body>\n<header><h1>The tiers of edgeseg</h1>\n"
        f"<p>{escape(evidence.made_by)}</p>\n<p>Scores are means of IoU (1 is perfect). Times are the lower"
        " quartile of rounds in which every candidate takes its turn, and ratios the median of the rounds' own; another"
        " machine has other times, so that ratios count.</p>\n"
        f"<nav><ul>{links}</ul></nav></header>\n<main>\n{body}</main></body></html>\n"
    )


def _plots(evidence: Evidence) -> str:
    parts = [_legend(evidence)]
    for name in evidence.sets:
        parts.append(f"<h3>golden/{escape(name)}</h3>\n")
        parts.append(score_plot(evidence, name, *WIDE, "wide"))
        parts.append(score_plot(evidence, name, *NARROW, "narrow"))
    return "".join(parts)


def _legend(evidence: Evidence) -> str:
    """Signs and words."""
    entries = [(mark(n, "fp32", True, 9, 9), family) for n, family in enumerate(evidence.families)]
    precisions = dict.fromkeys(row.tier.precision for row in evidence.rows)
    entries += [(mark(9, precision, True, 9, 9), precision.upper()) for precision in precisions]
    entries.append((mark(9, "fp32", False, 9, 9), "hollow or dashed: no tier"))
    entries.append(('<path class="front" d="M0,9 H18"/>', "the front: none is as fast and better"))
    signs = "".join(
        f'<li><svg viewBox="0 0 18 18" width="18" height="18" aria-hidden="true">{sign}</svg> {escape(word)}</li>'
        for sign, word in entries
    )
    return (
        f'<ul class="legend">{signs}</ul>\n<p>Both axes are stretched: each doubling of the time is as wide, and each'
        " halving of what is missing to a score of 1 is as high. A label that has no room is left out; the tables have"
        " every figure. FP16 is where its FP32 is, the ring around the dot.</p>\n"
    )


def _ladder(evidence: Evidence) -> str:
    doubts = "".join(f"<p>{escape(sentence)}</p>\n" for sentence in disputed(evidence))
    return ladder(evidence).html() + doubts


def _outside(evidence: Evidence) -> str:
    return outside(evidence).html() if evidence.outside else "<p>There are none: every candidate is a tier.</p>\n"


def _ops(evidence: Evidence) -> str:
    return (
        "<p>Before the passes (the model as it is pinned) and after, at the pinned size, one thread, told by LiteRT's"
        " profiler, which makes a model somewhat slower than it is without.</p>\n" + op_sections(evidence)
    )


def _passes(evidence: Evidence) -> str:
    return (
        "<p>The time after each pass; the FP16 and INT8 files are each made from the last FP32 one. A change is"
        " counted as 0 if it is below 3 % or if a quarter of the rounds say otherwise.</p>\n" + passes(evidence).html()
    )


def _worst(evidence: Evidence) -> str:
    legend = (
        '<ul class="legend"><li><i class="swatch person"></i> person, found</li><li><i class="swatch missed"></i>'
        ' person, left out</li><li><i class="swatch taken"></i> background, taken in</li></ul>\n'
        "<p>The three lowest IoU of each golden set, one picture of a sequence.</p>\n"
    )
    return legend + "".join(
        _worst_of(name, list(found)) for name, found in groupby(evidence.worst, key=lambda one: one.tier)
    )


def _worst_of(tier: str, found: list[Worst]) -> str:
    lowest = min(found, key=lambda one: one.iou)
    groups = "".join(_worst_picture(one) for one in found)
    return (
        f"<details><summary>{escape(tier)} <span>lowest: {lowest.iou:.3f} on golden/{escape(lowest.dataset)}</span>"
        f"</summary>\n{groups}</details>\n"
    )


def _worst_picture(one: Worst) -> str:
    panels = "".join(_panel(panel) for panel in one.panels)
    return (
        f'<figure class="worst"><figcaption>golden/{escape(one.dataset)} {escape(one.item)}: IoU {one.iou:.3f}'
        f'</figcaption><div class="panels">{panels}</div></figure>\n'
    )


def _panel(panel: Panel) -> str:
    return (
        f'<div><img src="{escape(panel.data)}" alt="{escape(panel.alt)}" width="{panel.width}" height="{panel.height}"'
        f' loading="lazy"><p>{escape(panel.caption)}</p></div>'
    )
