"""The report on made-up measurements: what it says, and that nothing of it fetches, runs or runs into another."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from edgeseg.bench.op_times import NotDelegated, OpTime, OpTimes
from edgeseg.errors import AssetError, UsageError
from edgeseg.golden import dataset as golden
from edgeseg.golden.dataset import Dataset, DatasetFile, Item
from edgeseg.golden.evaluate import ItemScore
from edgeseg.tiers.catalogue import Numbers, Precision, Tier
from quantize import admit, turns
from quantize import catalogue as candidates
from quantize.build import Recipe
from quantize.families import FAMILIES
from quantize.report import before_after, docs, gather, plot
from quantize.report.facts import INT8, Evidence, Profile, Row, Stage, Worst
from quantize.report.make import report
from quantize.report.ops import by_kind
from quantize.report.page import page
from quantize.report.pictures import compared, photo, worst_items
from quantize.report.plot import MARK, Box
from quantize.report.tables import disputed, ladder, outside, passes
from quantize.report.words import about_pass
from quantize.turns import quiet, ratio, saved

NASTY = '"><script>alert(1)</script>&'


def tier(family: str = "selfie", side: int = 256, precision: Precision = "fp32") -> Tier:
    real = Numbers("float32")
    name = f"{family}-{side}x{side}-{precision}"
    return Tier(name, family, family, side, side, precision, "0" * 64, 1234567, "stretch", real, real, "Apache-2.0")


def row(one: Tier, stills: float, webcam: float, ms: float, **changes: object) -> Row:
    scores = {"stills": stills, "webcam": webcam, "stills full-body": stills - 0.03}
    made = Row(one, scores, ms, None if one.precision == "fp32" else 0.5, 1, 115, 120, True, None)
    return replace(made, **changes)  # type: ignore[arg-type]


def op_times() -> OpTimes:
    ops = (
        OpTime("CONV_2D 4x4x2", "CONV_2D", "Convolution", 0.5, 0.5, True, 0),
        OpTime(f"{NASTY} 4x4x2", NASTY, "", 0.4, 0.4, False, 1),
        OpTime("between the ops", "runtime", "", 0.1, 0.1, None, None),
    )
    left = (NotDelegated("CONV_2D", 3, "it is computed once, when the model is loaded"), NotDelegated(NASTY, 1, NASTY))
    return OpTimes("ai-edge-litert 2.3.0", 1, 40, "profiler", "", 1.0, 1, 2, 2, ops, left)


@pytest.fixture
def evidence() -> Evidence:
    rows = (
        row(tier(), 0.93, 0.95, 3.0),
        row(tier(precision="fp16"), 0.93, 0.95, 3.05),
        row(tier(precision="int8"), 0.9284, 0.9504, 1.5),
        row(tier(side=128), 0.86, 0.73, 0.8, in_catalogue=False, refused="off the front: another is as fast & <good>"),
        row(tier("body", 224), 0.89, 0.65, 12.0, refused="off the front: selfie-256x256-fp32 is as fast and as good"),
        row(tier("body", 256), 0.87, 0.62, 16.0, in_catalogue=False),
    )
    picture = photo(np.full((20, 10, 3), 90, np.uint8), f"a picture {NASTY}")
    worst = Worst("selfie-256x256-fp32", "stills", f"images/{NASTY}.jpg", 0.5, (picture,))
    stages = (
        Stage("selfie", "", 246, 4.0, None),
        Stage("selfie", "depth_to_space", 115, 2.5, 1.5),
        Stage("selfie", "weights_fp16", 225, 2.5, 0.0),
        Stage("selfie", INT8, 126, 2.7, -0.2),
    )
    profiles = tuple(Profile("selfie", "256x256", label, op_times()) for label in ("as pinned", "fp32"))
    return Evidence(("stills", "webcam"), rows, profiles, stages, (worst,), "One PC, 2 cores; today.")


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "wbr", "br", "path", "rect", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "rect", "circle"):
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_runs_nothing_and_fetches_nothing_whatever_names_hold(evidence: Evidence) -> None:
    seen = Seen(page(evidence))
    assert seen.open == []
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in seen.tags}
    addresses = [value for _, found in seen.tags for key, value in found.items() if key in ("src", "href")]
    assert addresses
    assert all((address or "").startswith(("data:image/", "#")) for address in addresses)
    assert not [key for _, found in seen.tags for key in found if key.startswith("on")]
    style = page(evidence).split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_the_page_can_be_read_without_eyes_for_it(evidence: Evidence) -> None:
    seen = Seen(page(evidence))
    assert all(found.get("alt") for tag, found in seen.tags if tag == "img")
    assert all(found.get("scope") in ("row", "col") for tag, found in seen.tags if tag == "th")
    plots = [found for tag, found in seen.tags if tag == "svg" and "plot" in (found.get("class") or "")]
    assert len(plots) == 4  # two golden sets, each for wide and for narrow screens
    assert all(found.get("role") == "img" and found.get("aria-label") for found in plots)
    assert ("html", {"lang": "en"}) in seen.tags


def test_the_page_is_light_or_dark_as_the_reader_asks(evidence: Evidence) -> None:
    assert "@media (prefers-color-scheme: dark)" in page(evidence)


def test_labels_are_inside_the_plot_and_meet_neither_each_other_nor_marks() -> None:
    rng = np.random.default_rng(0)
    dots = [(float(x), float(y)) for x, y in zip(rng.uniform(50, 350, 40), rng.uniform(20, 200, 40), strict=True)]
    inside = Box(46, 14, 368, 260)
    labels = plot.place([(x, y, "256x256") for x, y in dots], dots, inside)
    boxes = [label.box for label in labels if label is not None]
    assert 5 <= len(boxes) < len(dots)
    assert all(inside.holds(box) for box in boxes)
    assert not any(one.meets(other) for n, one in enumerate(boxes) for other in boxes[n + 1 :])
    marks = [Box(x - MARK, y - MARK, x + MARK, y + MARK) for x, y in dots]
    assert not any(box.meets(mark) for box in boxes for mark in marks)


def test_everything_drawn_is_within_the_picture(evidence: Evidence) -> None:
    for text in re.findall(r'<svg class="plot.*?</svg>', page(evidence), re.S):
        width, height = (float(side) for side in re.search(r'viewBox="0 0 (\S+) (\S+)"', text).groups())  # type: ignore[union-attr]
        places = re.findall(r'(?:c?x)="([\d.-]+)" (?:c?y)="([\d.-]+)"', text)
        assert len(places) > 10
        assert all(0 <= float(x) <= width and 0 <= float(y) <= height for x, y in places)


@pytest.mark.parametrize("value", [0.0, 0.5, 0.97, 1.0])
def test_a_plot_of_one_candidate_has_a_place_for_it(value: float) -> None:
    up, _ = plot.scores([value], 400, 10)
    across, ticks = plot.times([3.0], 40, 900)
    assert 10 <= up(value) <= 400
    assert 40 <= across(3.0) <= 900
    assert ticks == [3.0]


def test_the_front_holds_what_none_is_as_fast_and_better_than() -> None:
    assert plot.front([(3, 0.95), (1, 0.90), (2, 0.89), (2, 0.93), (4, 0.95)]) == [(1, 0.90), (2, 0.93), (3, 0.95)]


def test_the_ladder_compares_each_precision_with_its_fp32(evidence: Evidence) -> None:
    cells = {line[0]: line for line in ladder(evidence).rows}
    assert list(cells) == ["selfie-256x256-fp32", "selfie-256x256-fp16", "selfie-256x256-int8", "body-224x224-fp32"]
    assert cells["selfie-256x256-fp32"][3:5] == ("", "")
    assert cells["selfie-256x256-int8"] == (
        *("selfie-256x256-int8", "0.9284", "0.9504", "−0.16", "+0.04", "0.8984"),
        *("1.50", "0.50", "1,234,567", "1", "115 of 120"),
    )
    assert all(len(line) == len(ladder(evidence).head) for line in cells.values())


def test_candidates_that_are_no_tiers_say_why(evidence: Evidence) -> None:
    reasons = {line[0]: line[-1] for line in outside(evidence).rows}
    assert reasons == {
        "selfie-128x128-fp32": "off the front: another is as fast & <good>",
        "body-256x256-fp32": "admitted by this measurement, not by the one that made the catalogue",
    }


def test_a_tier_that_this_measurement_would_refuse_is_named(evidence: Evidence) -> None:
    assert disputed(evidence) == [
        "This measurement would refuse body-224x224-fp32: off the front: selfie-256x256-fp32 is as fast and as good."
    ]


def test_every_pass_is_told_in_its_own_words_and_with_what_it_saved(evidence: Evidence) -> None:
    cells = {line[0]: line for line in passes(evidence).rows}
    assert cells["as pinned"][1:4] == ("246", "4.00", "")
    assert cells["depth_to_space"][1:4] == ("115", "2.50", "1.50")
    assert cells["depth_to_space"][-1].startswith("TRANSPOSE_CONV whose kernel is as large as its stride")
    assert cells["weights_fp16"][1:4] == ("225", "2.50", "0")
    assert cells[INT8][1:4] == ("126", "2.70", "−0.20")
    assert about_pass("there is no such pass") == ""


def test_what_cannot_be_told_from_noise_is_not_called_saved() -> None:
    noise = np.tile([0.1, -0.1], 20)
    before = np.full(40, 2.0)
    assert saved(before, before - 0.5 + noise) == pytest.approx(0.5)
    assert saved(before, before - 0.02 + noise) == 0  # the rounds do not agree
    assert saved(before, before - 0.02) == 0  # a hundredth


def test_a_busy_machine_changes_neither_time_nor_ratio() -> None:
    busy = np.where(np.arange(40) % 3 == 0, 2.0, 1.0)  # all that is measured in such a round takes twice as long
    assert quiet(3.0 * busy) == 3.0
    assert ratio(1.5 * busy, 3.0 * busy) == 0.5


def test_kinds_of_ops_add_up() -> None:
    assert by_kind(op_times()) == {"CONV_2D": (1, 0.5), NASTY: (1, 0.4), "between the ops": (1, 0.1)}


def test_docs_are_rewritten_between_the_marks_only(evidence: Evidence, tmp_path: Path) -> None:
    prose = "# Tiers\n\nWhat they are.\n\n<!-- ladder: begin -->\nold\n<!-- ladder: end -->\nMore | prose.\n"
    file = tmp_path / "tiers.md"
    file.write_text(prose)
    text = docs.rewritten(docs.read(file), evidence)
    assert text.startswith("# Tiers\n\nWhat they are.\n\n<!-- ladder: begin -->\nOne PC, 2 cores; today.\n\n| tier |")
    assert "\n<!-- ladder: end -->\nMore | prose.\n" in text
    assert "old" not in text
    assert text.count("<!-- outside: begin -->") == text.count("<!-- passes: end -->") == 1  # put at the end
    assert docs.rewritten(text, evidence) == text
    assert "as fast & &lt;good>" in text
    assert "data:" not in text


def test_docs_that_are_not_there_are_made(evidence: Evidence, tmp_path: Path) -> None:
    assert docs.rewritten(docs.read(tmp_path / "none.md"), evidence).startswith("# Tiers\n\n<!-- ladder: begin -->")


@pytest.mark.parametrize(
    "text",
    [
        "<!-- ladder: begin -->",
        "<!-- ladder: end --> <!-- ladder: begin -->",
        "<!-- passes: begin --><!-- passes: begin --><!-- passes: end -->",
    ],
)
def test_docs_with_broken_marks_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "tiers.md").write_text(text)
    with pytest.raises(UsageError, match=r"must hold one '<!-- (ladder|passes): begin -->' and after it"):
        docs.read(tmp_path / "tiers.md")


def test_the_docs_of_this_checkout_have_their_marks() -> None:
    text = docs.read(Path(__file__).parents[2] / "docs" / "tiers.md")
    assert all(mark in text for name in ("ladder", "outside", "passes") for mark in docs.marks(name))


def test_the_worst_pictures_are_one_of_a_sequence(tmp_path: Path) -> None:
    items = [Item(image=f"{n}.jpg", mask=f"{n}.png", sequence="run", frame=n) for n in range(4)]
    items += [Item(image=f"{n}.jpg", mask=f"{n}.png") for n in range(4, 9)]
    dataset = Dataset(tmp_path, DatasetFile(name="a", version=1, licence="x", source="x", fps=5, items=items), ())
    scores = [ItemScore(f"{n}.jpg", None, 0.1 * (n + 1), 0.5, None, 1.0) for n in range(8)]
    scores.append(ItemScore("8.jpg", None, None, None, 0.2, 1.0))  # nobody there: it has no IoU
    assert [(item.image, round(value, 1)) for item, value in worst_items(scores, dataset)] == [
        ("0.jpg", 0.1),
        ("4.jpg", 0.5),
        ("5.jpg", 0.6),
    ]


def test_a_mask_is_shown_small_and_its_faults_told() -> None:
    truth = np.zeros((480, 640), bool)
    truth[:240] = True
    panel = compared(np.roll(truth, 48, axis=0), truth, "INT8")
    assert panel.alt == "Mask of INT8: person left out in 10.0% of the picture, background taken in in 10.0%"
    assert panel.caption == "INT8 mask, IoU 0.667"
    assert (panel.width, panel.height) == (240, 180)
    assert panel.data.startswith("data:image/png;base64,")
    assert len(panel.data) < 3000


def test_without_golden_sets_there_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no golden set in"):
        report(tmp_path, tmp_path / "out" / "a.html", tmp_path / "tiers.md", None, lambda name, total: None)
    assert not (tmp_path / "out" / "a.html").exists()
    assert not (tmp_path / "tiers.md").exists()


@pytest.fixture
def small_golden(shared: Path, tmp_path: Path) -> Path:
    """Two pictures of each golden set."""
    for name in ("stills", "webcam"):
        whole = golden.load(shared / "golden" / name)
        folder = tmp_path / "golden" / name
        kept = []
        for item in [item for item in whole.file.items if item.frame in (None, 0)][:2]:
            for file in (item.image, item.mask):
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(whole.path(file), folder / file)
            kept.append({"image": item.image, "mask": item.mask, "framing": "upper-body"})
        about = {"name": name, "version": 1, "licence": "tests only", "source": "shared", "items": kept}
        (folder / "dataset.yaml").write_text(json.dumps(about))
    return tmp_path / "golden"


@pytest.mark.slow
def test_a_report_of_one_small_family(
    small_golden: Path, asset: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = replace(FAMILIES["selfie-landscape"], sizes=((96, 160),))
    source = asset(family.asset).read_bytes()
    monkeypatch.setattr(admit, "FAMILIES", {family.name: family})
    monkeypatch.setattr(gather, "FAMILIES", {family.name: family})
    monkeypatch.setattr(admit, "PRECISIONS", ("fp32", "fp16"))
    monkeypatch.setattr(before_after, "PROFILES", 1)
    monkeypatch.setattr(turns, "SESSIONS", 1)
    known = {
        one.name: one
        for p in ("fp32", "fp16")
        if (one := candidates.candidate(Recipe(family, 96, 160, p), source).tier)
    }
    monkeypatch.setattr(gather, "tiers", lambda: known)
    report(small_golden, tmp_path / "out" / "a.html", tmp_path / "tiers.md", None, lambda name, total: None)
    written = (tmp_path / "out" / "a.html").read_text()
    assert Seen(written).open == []
    assert written.count("data:image/jpeg") == 2 * 2 * 2  # tiers, golden sets, pictures
    assert "Convolution2D<wbr>TransposeBias" in written  # the original's custom operation
    text = (tmp_path / "tiers.md").read_text()
    assert "| selfie-landscape-96x160-fp16 | 0." in text
    assert "| 115 of 115 |" in text
    assert "base64" not in text
    known["selfie-landscape-96x160-fp16"] = replace(known["selfie-landscape-96x160-fp16"], sha256="1" * 64)
    with pytest.raises(AssetError, match="run python -m quantize catalogue first"):
        report(small_golden, tmp_path / "b.html", tmp_path / "tiers.md", None, lambda name, total: None)
    assert not (tmp_path / "b.html").exists()
    assert (tmp_path / "tiers.md").read_text() == text
