"""A real Chromium, without a screen: Debian's, driven by Playwright; and what the tests read off the page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from e2e_run import soon

AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
_PIXELS = """([id, places]) => {
  const canvas = document.getElementById(id), copy = new OffscreenCanvas(canvas.width, canvas.height);
  const context = copy.getContext("2d");
  context.drawImage(canvas, 0, 0);
  return places.map(([x, y]) => [...context.getImageData(x * canvas.width, y * canvas.height, 1, 1).data].slice(0, 3));
}"""
Rgb = list[int]


@dataclass
class Tab:
    """One page. errors: what the browser's console and the scripts said that is an error."""

    page: Any
    errors: list[str] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)  # bytes by URL of what the page is made of, and asked first

    def __post_init__(self) -> None:
        self.page.on("console", lambda one: self.errors.append(one.text) if one.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        self.page.on("requestfinished", self._finished)

    def _finished(self, request: Any) -> None:
        sizes = request.sizes()
        self.sizes[request.url] = sizes["responseBodySize"] + sizes["responseHeadersSize"]

    @property
    def uncaught(self) -> list[str]:
        """Errors of scripts; the console also has each refused request, which a test may have provoked."""
        return [one for one in self.errors if not one.startswith(("Failed to load resource", "WebSocket connection"))]

    def open(self, url: str) -> Tab:
        self.page.goto(url)
        return self

    def sees_frames(self) -> Tab:
        self.page.wait_for_selector("#live", state="visible", timeout=30_000)
        return self

    def text(self, selector: str) -> str:
        return str(self.page.inner_text(selector)).strip()

    def says(self, selector: str, words: str, seconds: float = 20.0) -> None:
        """Wait until it does."""
        soon(lambda: words.lower() in self.text(selector).lower(), seconds, f"{selector} did not say {words!r}")

    def pixels(self, *places: tuple[float, float], canvas: str = "out") -> list[Rgb]:
        """RGB at places, as shares of the width and the height."""
        return list(self.page.evaluate(_PIXELS, [canvas, [list(place) for place in places]]))

    def becomes(self, place: tuple[float, float], color: str, within: int = 24) -> None:
        """Wait until the picture has this colour there."""
        wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]

        def has() -> bool:
            return all(abs(a - b) <= within for a, b in zip(self.pixels(place)[0], wanted, strict=True))

        soon(has, 20, f"no {color} at {place}, but {self.pixels(place)}")

    def violations(self, where: str) -> list[str]:
        """What axe finds, in words."""
        from axe_playwright_python.sync_playwright import Axe

        options = {"runOnly": {"type": "tag", "values": AXE_TAGS}, "resultTypes": ["violations"]}
        found = Axe().run(self.page, options=options).response["violations"]
        return [
            f"{where}: {one['id']} ({one['impact']}): {node['target']} {json.dumps(node.get('failureSummary', ''))}"
            for one in found
            for node in one["nodes"]
        ]


class Browser:
    """Chromium, running."""

    def __init__(self, chromium: Any) -> None:
        self._chromium = chromium

    @contextmanager
    def tab(self, viewport: dict[str, int] = DESKTOP, **options: Any) -> Iterator[Tab]:
        context = self._chromium.new_context(viewport=viewport, **options)
        context.set_default_timeout(20_000)
        try:
            yield Tab(context.new_page())
        finally:
            context.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Skips the test if there is none."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed: run tests/lab/setup.sh")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[dev]'")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield Browser(browser)
        finally:
            browser.close()
