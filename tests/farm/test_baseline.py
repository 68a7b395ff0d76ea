"""Baselines: what is kept, how a diff of them reads, and what may not be accepted."""

from __future__ import annotations

import difflib
import io
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from cards import GOLDEN, IOUS, card, fallen, faulty
from rich.console import Console
from typer.testing import CliRunner

from deploy.farm import approval, baseline, small_masks
from deploy.farm.card import Card, Speed
from deploy.farm.cli import app
from deploy.farm.rules import Reason, Status
from deploy.farm.verdict import judge
from edgeseg.errors import GoldenError, OutputError, UsageError

TIERS = ("selfie-96x160-fp16", "selfie-96x160-fp32", "selfie-96x160-int8")


def accept(folder: Path, *cards: Card, reason: str = "the first", **flags: bool) -> list[approval.Change]:
    done = [(one, folder) for one in cards]
    return approval.approve(folder, done, reason, "Ann <ann@example.org>", "2026-11-25", "0.1.0", **flags)


def all_tiers() -> list[Card]:
    return [card(tier=tier) for tier in TIERS]


def test_what_was_accepted_comes_back(tmp_path: Path) -> None:
    accept(tmp_path, *all_tiers())
    found = baseline.read(tmp_path, "pi")
    assert found.cards == {one.candidate.key: baseline.kept(one) for one in all_tiers()}
    kept = found.approvals[0]
    assert (kept.reason, kept.who) == ("the first", "Ann <ann@example.org>")
    assert (kept.date, kept.edgeseg) == ("2026-11-25", "0.1.0")
    assert len(kept.candidates) == 3


def test_what_was_accepted_judges_itself_as_unchanged(tmp_path: Path) -> None:
    """Rounding is far below every limit."""
    odd = card({name: iou + 1.234567e-7 for name, iou in IOUS.items()}, speed=Speed(4.0004, 4.60049, 2000, 61.04))
    accept(tmp_path, odd)
    accepted = baseline.accepted(tmp_path, ["pi"])[("pi", odd.candidate.key)]
    assert judge(accepted, odd).status is Status.OK
    assert accept(tmp_path, odd, reason="again") == []
    assert len(baseline.read(tmp_path, "pi").approvals) == 1


def test_a_diff_shows_what_changed_and_nothing_else(tmp_path: Path) -> None:
    accept(tmp_path, *all_tiers())
    before = baseline.file_of(tmp_path, "pi").read_text()
    other = card({**IOUS, "b.jpg": 0.91}, tier=TIERS[0], rss_mb=124.0)
    accept(tmp_path, other, *all_tiers()[1:], reason="b.jpg is drawn anew")
    after = baseline.file_of(tmp_path, "pi").read_text()
    changed = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[2:]
    lines = [line for line in changed if not line.startswith("@@")]
    assert sum("b.jpg" in line and '"iou"' in line for line in lines) == 2
    assert not any("a.jpg" in line for line in lines)
    assert sum('"miou"' in line for line in lines) == 2
    assert any("b.jpg is drawn anew" in line for line in lines)
    assert max(map(len, after.splitlines())) < 400


def test_times_that_are_not_judged_are_not_kept() -> None:
    assert baseline.kept(card(timing="emulated")).speed is None
    assert baseline.kept(card(speed=Speed(4.0, 4.5, 100, 9.0))).speed is None
    assert baseline.kept(card()).speed is not None


def test_masks_are_kept_small_and_once(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    alpha = np.zeros((480, 640), np.uint8)
    cv2.circle(alpha, (300, 240), 150, 255, -1)
    assert cv2.imwrite(str(run / "m.png"), alpha)
    cards = [replace(one, items=tuple(replace(item, mask="m.png") for item in one.items)) for one in all_tiers()]
    folder = tmp_path / "baselines"
    approval.approve(folder, [(one, run) for one in cards], "the first", "Ann", "2026-11-25", "0.1.0")
    files = list((folder / "masks").iterdir())
    assert len(files) == 1
    assert files[0].stat().st_size < 1000
    kept = small_masks.read(folder / next(iter(baseline.read(folder, "pi").cards.values())).items[0].mask)
    assert kept is not None
    assert kept.shape == (192, 256)
    assert np.array_equal(small_masks.small(kept), small_masks.small(alpha))
    accept(folder, *(replace(one, miou=0.9) for one in all_tiers()), reason="no masks any more")
    assert list((folder / "masks").iterdir()) == []


def test_what_would_change_is_shown_line_by_line(tmp_path: Path) -> None:
    accept(tmp_path, *all_tiers())
    now = card(fallen(0.02), tier=TIERS[0], salt="x", runtime={"edgeseg": "0.2.0"}, rss_mb=300.0)
    found = approval.changes(tmp_path, [now, *all_tiers()[1:], card(tier="body-96x96-fp16")])
    console = Console(width=120, file=io.StringIO())
    console.print(approval.table(found))
    text = console.file.getvalue()
    for said in (
        "mean IoU: 0.9550 -> 0.9350",
        "memory: 120 MB -> 300 MB",
        "edgeseg: 0.1.0 -> 0.2.0",
        "masks: 7 of 7 have other bits",
        "new: mean IoU 0.9550, 7 pictures",
    ):
        assert said in text
    assert len(found) == 2


@pytest.mark.parametrize(
    ("cards", "reason", "flags", "said"),
    [
        (all_tiers(), "  ", {}, "needs a reason"),
        ([], "why", {}, "the run has no cards"),
        ([*all_tiers()[:2], faulty("hung", tier=TIERS[2])], "why", {}, "it has a fault (hung); give --with-faults"),
        ([*all_tiers()[:2], faulty("lost", tier=TIERS[2])], "why", {"with_faults": True}, "the device was lost"),
        (all_tiers()[:2], "why", {}, "selfie-96x160-int8 on cpu, 1 thread: the run does not have it; give --partial"),
        (
            [replace(one, golden=replace(GOLDEN, items=2)) for one in all_tiers()],
            "why",
            {},
            "2 pictures, the baseline has 7; give --partial",
        ),
    ],
)
def test_what_may_not_be_accepted(
    cards: list[Card], reason: str, flags: dict[str, bool], said: str, tmp_path: Path
) -> None:
    accept(tmp_path, *all_tiers())
    before = baseline.file_of(tmp_path, "pi").read_text()
    with pytest.raises(UsageError) as told:
        accept(tmp_path, *cards, reason=reason, **flags)
    assert said in str(told.value)
    assert baseline.file_of(tmp_path, "pi").read_text() == before


def test_a_part_leaves_the_rest_as_it_is(tmp_path: Path) -> None:
    accept(tmp_path, *all_tiers())
    refused = faulty("refused", tier=TIERS[2])
    accept(tmp_path, refused, reason="no INT8 on this GPU", with_faults=True, partial=True)
    cards = baseline.read(tmp_path, "pi").cards
    assert len(cards) == 3
    assert judge(cards[refused.candidate.key], refused).status is Status.OK
    assert judge(cards[refused.candidate.key], faulty("died", tier=TIERS[2])).reason is Reason.DIED


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n "version": 1,\n "device" "pi"}', "pi.json:3: this is no JSON"),
        ("{}", "'version' is missing"),
        ("[]", "is no baseline"),
        ('{"version": 9}', "it is of version 9, and this edgeseg reads version 1"),
        ('{"version": 1, "device": "other", "approvals": [], "candidates": {}}', "it is of the device 'other'"),
        ('{"version": 1, "device": "pi", "approvals": [], "candidates": {"a": {"version": 1}}}', "is no baseline"),
        ('{"version": 1, "device": "pi", "approvals": [{"x": 1}], "candidates": {}}', "is no baseline"),
    ],
)
def test_a_broken_file_says_what_and_where(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "pi.json").write_text(text)
    with pytest.raises(GoldenError) as told:
        baseline.read(tmp_path, "pi")
    assert said in str(told.value)
    assert "Take it from git again" in str(told.value)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        accept(tmp_path / "file" / "baselines", card())


def test_a_run_that_is_not_complete_is_not_accepted_by_itself(tmp_path: Path) -> None:
    run = tmp_path / "output" / "20261125-000000"
    (run / "pi").mkdir(parents=True)
    (run / "pi" / "x.json").write_text(card().to_json())
    words = ["approve", "--reason", "why", "--who", "Ann", "--output", str(tmp_path / "output")]
    words += ["--baselines", str(tmp_path / "baselines")]
    for complete, flags, accepted in ((False, [], False), (False, ["--partial"], True), (True, [], True)):
        (run / "run.json").write_text(json.dumps({"complete": complete}))
        result = CliRunner().invoke(app, [*words, *flags])
        assert (result.exit_code == 0) is accepted, result.output
        assert accepted or "is not complete: go on with it by run, or give --partial" in str(result.exception)
        assert (tmp_path / "baselines" / "small" / "pi.json").is_file() is accepted


def test_who_approves_is_asked_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    with pytest.raises(UsageError, match=r"git does not know who approves.*--who"):
        approval.git_user(tmp_path)
    subprocess.run(["git", "-C", str(tmp_path), "config", "user.name", "Ann"], check=True)
    assert approval.git_user(tmp_path) == "Ann"
