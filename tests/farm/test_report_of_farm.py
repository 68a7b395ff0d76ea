"""The three files of a report, on what a real tier did and on what was made of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import xmlschema
from cards import card, faulty

from deploy.farm import report
from deploy.farm.approval import Done
from deploy.farm.judging import Outcome, judged
from deploy.farm.rules import Reason, Status
from edgeseg.errors import OutputError
from edgeseg.golden import SMALL
from edgeseg.golden.dataset import load

VOID = {"meta", "link", "img", "br", "input", "hr"}


class Page(HTMLParser):
    """The ids, links and pictures of a page; elements must be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.used: list[str] = []
        self.unnamed = 0
        self.fetched: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.ids += [known["id"]] if known.get("id") else []
        href = known.get("href") or known.get("src") or ""
        if tag == "a":
            self.links.append(href)
        elif tag == "use":
            self.used.append(href)
        elif href and not href.startswith("data:"):
            self.fetched.append(href)
        self.unnamed += known.get("role") == "img" and not known.get("aria-label")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


@pytest.fixture
def outcomes(real_run: list[Done], baselines: Path, tmp_path: Path) -> list[Outcome]:
    """The real run as it was, with its masks moved, and devices that were lost, slow and new."""
    one, beside = real_run[0]
    moved = tmp_path / "moved"
    (moved / "masks").mkdir(parents=True)
    for item in one.items:
        alpha = cv2.imread(str(beside / str(item.mask)), cv2.IMREAD_GRAYSCALE)
        matrix = np.array([[1, 0, 6], [0, 1, 0]], np.float32)
        cv2.imwrite(str(moved / str(item.mask)), cv2.warpAffine(alpha, matrix, alpha.shape[::-1]))
    items = [replace(item, iou=item.iou and item.iou - 0.05, mask_sha256=item.mask_sha256[::-1]) for item in one.items]
    worse = replace(one, device="<b>evil", items=tuple(items), miou=0.93)
    (baselines / "<b>evil.json").write_text(
        (baselines / "here.json").read_text().replace('"device": "here"', '"device": "<b>evil"')
    )
    lost = faulty("lost", device="away")
    refused = faulty("refused", "an </script> & a \x1b[31m word", device="new")
    return judged([(one, beside), (worse, moved), (lost, tmp_path), (refused, tmp_path)], baselines)


@pytest.fixture
def written(outcomes: list[Outcome], baselines: Path, tmp_path: Path) -> Path:
    files = report.write(tmp_path / "report", outcomes, load(SMALL), baselines, "today")
    assert [file.name for file in files] == ["report.html", "report.json", "junit.xml"]
    return tmp_path / "report"


def test_the_verdicts_that_are_reported(outcomes: list[Outcome]) -> None:
    assert [outcome.verdict.status for outcome in outcomes] == [Status.OK, Status.REGRESSED, Status.LOST, Status.NEW]
    assert outcomes[1].verdict.reason is Reason.SCORE_MEAN
    assert outcomes[1].verdict.cause == "the mask is shifted by 6 px to the right in 7 of 7 pictures" or re.match(
        r"the mask is shifted by 6 px to the right in \d of \d pictures", str(outcomes[1].verdict.cause)
    )


def test_the_page_is_whole_and_fetches_nothing(written: Path) -> None:
    text = (written / "report.html").read_text()
    page = Page(text)
    assert page.fetched == []
    assert len(set(page.ids)) == len(page.ids)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert {link.removeprefix("#") for link in page.used} <= set(page.ids)
    assert page.unnamed == 0
    assert "://" not in text
    assert "<script" not in text


def test_the_page_shows_five_pictures_of_what_regressed(written: Path) -> None:
    text = (written / "report.html").read_text()
    for word in ("source", "truth", "baseline", "now", "difference from the baseline"):
        assert text.count(f"<figcaption>{word}</figcaption>") == 5  # 4 of what regressed, one of what is well
    assert "&lt;b&gt;evil" in text
    assert "<b>evil" not in text


def test_equal_masks_differ_nowhere(written: Path) -> None:
    text = (written / "report.html").read_text()
    assert "Difference from the baseline: left out 0.0%, taken in 0.0% of the picture" in text


def test_pictures_have_a_limit(outcomes: list[Outcome], baselines: Path, tmp_path: Path) -> None:
    report.write(tmp_path / "report", outcomes, load(SMALL), baselines, "today", most_bytes=30_000)
    text = (tmp_path / "report" / "report.html").read_text()
    assert "Not all pictures are in this page" in text
    assert 0 < text.count("<figcaption>source</figcaption>") < 5


def test_the_list_for_programs(written: Path) -> None:
    rows = json.loads((written / "report.json").read_text())
    assert [row["verdict"] for row in rows] == ["ok", "regressed", "lost", "new"]
    row = rows[1]
    assert (row["device"], row["tier"], row["engine"]) == ("<b>evil", "selfie-landscape-144x256-int8", "cpu")
    assert row["reason"] == "score-mean"
    assert set(row["scores"]) == {"miou", "p10_iou", "boundary_f", "false_area"}
    assert row["scores"]["miou"] < row["baseline"]["miou"]


def test_junit_is_what_its_schema_says(written: Path) -> None:
    xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd"))).validate(str(written / "junit.xml"))
    root = ElementTree.parse(written / "junit.xml").getroot()
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("4", "1", "1")
    results = {suite.get("name"): [part.tag for part in suite.iter() if part.get("message")] for suite in root}
    assert results == {"here": [], "<b>evil": ["failure"], "away": ["error"], "new": ["skipped"]}
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.get("type") == "score-mean"
    assert "mean IoU fell from" in str(failure.get("message"))


@pytest.mark.parametrize("lost", ["golden set", "mask"])
def test_what_cannot_be_read_is_left_out(lost: str, real_run: list[Done], baselines: Path, tmp_path: Path) -> None:
    one, beside = real_run[0]
    if lost == "golden set":
        one = replace(one, golden=replace(one.golden, name="another"))
    else:
        beside = tmp_path
    report.write(tmp_path / "report", judged([(one, beside)], baselines), load(SMALL), baselines, "today")
    text = (tmp_path / "report" / "report.html").read_text()
    assert "<figcaption>now</figcaption>" not in text
    assert ("<figcaption>truth</figcaption>" in text) is (lost == "mask")


def test_nothing_regressed_is_said(outcomes: list[Outcome], baselines: Path, tmp_path: Path) -> None:
    report.write(tmp_path / "report", outcomes[:1], load(SMALL), baselines, "today")
    assert "Nothing regressed." in (tmp_path / "report" / "report.html").read_text()


def test_a_place_that_cannot_be_written(outcomes: list[Outcome], baselines: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="The report cannot be written to"):
        report.write(tmp_path / "file" / "report", outcomes, load(SMALL), baselines, "today")


def test_a_card_made_by_hand_can_be_shown(tmp_path: Path) -> None:
    report.write(tmp_path, judged([(card(), tmp_path)], tmp_path / "none"), load(SMALL), tmp_path, "today")
