"""The status as a picture: for a wiki, a dashboard, another page. Text in SVG, which carries no script."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

_COLORS = {
    "running": "#1a7f37", "idle": "#57606a", "off": "#57606a", "starting": "#57606a", "degraded": "#9a6700",
}  # fmt: skip
_BAD = "#cf222e"
_LETTER, _PAD, _HEIGHT = 6.6, 9, 22


def badge(now: dict[str, Any]) -> str:
    """An SVG of one line: the instance, its status, and its figures. now: as `state` has it."""
    left, right = f"edgeseg {now['instance']}", _figures(now)
    first, second = (round(len(text) * _LETTER + 2 * _PAD) for text in (left, right))
    width, color = first + second, _COLORS.get(now["status"], _BAD)
    label = escape(f"{left}: {right}", {'"': "&quot;"})
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HEIGHT}" role="img" aria-label="{label}">'
        f"<title>{label}</title>"
        f'<rect width="{first}" height="{_HEIGHT}" fill="#24292f"/>'
        f'<rect x="{first}" width="{second}" height="{_HEIGHT}" fill="{color}"/>'
        '<g fill="#fff" font-family="DejaVu Sans,Verdana,sans-serif" font-size="11">'
        f'<text x="{_PAD}" y="15" textLength="{first - 2 * _PAD}">{escape(left)}</text>'
        f'<text x="{first + _PAD}" y="15" textLength="{second - 2 * _PAD}">{escape(right)}</text>'
        "</g></svg>"
    )


def _figures(now: dict[str, Any]) -> str:
    parts = [now["status"]]
    if now["fps"] is not None:
        parts.append(f"{now['fps']:.1f} fps")
    if now["temp_c"] is not None:
        parts.append(f"{now['temp_c']:.0f} C")
    return ", ".join(parts)
