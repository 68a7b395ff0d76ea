"""What is said of a card: one table of what may happen to it, and the rules that hold for any card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cards import GOLDEN, IOUS, SPEED, card, fallen, faulty
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.farm import screen
from deploy.farm.card import Candidate, Card, Served, Speed
from deploy.farm.judging import Outcome
from deploy.farm.rules import ORDER, Reason, Status
from deploy.farm.verdict import exit_code, judge, judge_all

INT8 = "selfie-96x160-int8"
REGRESSED = Status.REGRESSED


@pytest.mark.parametrize(
    ("before", "now", "status", "reason", "said"),
    [
        (card(), card(), Status.OK, None, "mean IoU 0.9550 over 7 pictures, the same masks to the bit"),
        (card(), card(salt="x"), Status.OK, None, "within the rules"),
        (card(), card(fallen(0.004), salt="x"), Status.OK, None, "within the rules"),
        (card(), card({**IOUS, "a.jpg": 0.99}, salt="x", tier_sha256="00"), Status.OK, None, "within the rules"),
        (
            card(),
            card(fallen(0.006)),
            REGRESSED,
            Reason.SCORE_MEAN,
            "mean IoU fell from 0.9550 to 0.9490, -0.60 points (-0.60 to -0.60 at 95%, 6 pictures)",
        ),
        (card(), card(fallen(0.05, "b.jpg")), REGRESSED, Reason.SINGLE_PICTURE, "b.jpg 0.950 to 0.900"),
        (card(), card(fallen(0.025, "c.jpg", "e.jpg")), REGRESSED, Reason.SCORE_P10, "fell from 0.9350 to 0.9100"),
        (card(), card(boundary=-0.02), REGRESSED, Reason.BOUNDARY, "boundary F fell from 0.8550 to 0.8350"),
        (card(), card(room=0.03), REGRESSED, Reason.FALSE_AREA, "3.0% of the picture is called person, 0.1% before"),
        (card(), card({**IOUS, "a.jpg": 0.99}), REGRESSED, Reason.MASK_CHANGED, "a.jpg 0.970 to 0.990"),
        (card(tier=INT8), card(tier=INT8, salt="x"), REGRESSED, Reason.MASK_HASH, "7 of 7 masks"),
        (
            card(tier=INT8),
            card(tier=INT8, salt="x", tier_sha256="0123456789abcdef"),
            REGRESSED,
            Reason.MASK_HASH,
            "for the tier's file is another one (0123456789ab, before",
        ),
        (
            card(tier=INT8, runtime={"opencv-python-headless": "4.11"}),
            card(tier=INT8, salt="x", runtime={"opencv-python-headless": "5.0"}),
            REGRESSED,
            Reason.MASK_HASH,
            "from the same file of the tier by other libraries: opencv-python-headless 5.0, before 4.11",
        ),
        (card(), card(rss_mb=240.0), REGRESSED, Reason.MEMORY, "held 240 MB, 2.00 times the baseline's 120 MB"),
        (card(), card(rss_mb=140.0), Status.OK, None, "the same masks"),
        (card(rss_mb=20.0), card(rss_mb=40.0), Status.OK, None, "the same masks"),  # too little to be a leak
        (
            card(),
            card(served=Served("cpu", "LiteRT 2.3.0", 70, 90)),
            REGRESSED,
            Reason.FELL_BACK,
            "70 of 90 operations were delegated and the CPU did the rest; before, 90 of 90",
        ),
        (
            card(),
            card(served=Served("cpu", "LiteRT 2.3.0", None, None)),
            REGRESSED,
            Reason.FELL_BACK,
            "it cannot be told any more who computes",
        ),
        (
            card(candidate=Candidate("t-fp16", "gpu", 1), served=Served("gpu", "LiteRT", 9, 9)),
            card(candidate=Candidate("t-fp16", "gpu", 1), served=Served("cpu", "LiteRT", 9, 9)),
            REGRESSED,
            Reason.FELL_BACK,
            "cpu (LiteRT) did the work and not gpu",
        ),
        (card(), faulty("hung", "no answer for 60 s"), REGRESSED, Reason.HUNG, "it hung: no answer for 60 s."),
        (card(), faulty("died"), REGRESSED, Reason.DIED, "it died"),
        (card(), faulty("no-number"), REGRESSED, Reason.NO_NUMBER, "no numbers"),
        (card(), faulty("asset"), REGRESSED, Reason.ASSET, "a file failed its hash"),
        (card(), faulty("refused"), REGRESSED, Reason.REFUSED, "the engine refused it"),
        (card(), faulty("fell-back"), REGRESSED, Reason.FELL_BACK, "something else than what was asked for"),
        (card(), faulty("lost", "no route to host"), Status.LOST, Reason.LOST, "no route to host"),
        (None, faulty("lost"), Status.LOST, Reason.LOST, "the device was lost"),
        (None, card(), Status.NEW, Reason.NO_BASELINE, "there is no baseline yet; mean IoU 0.9550 over 7 pictures"),
        (None, faulty("refused"), Status.NEW, Reason.REFUSED, "the engine refused it"),
        (None, faulty("hung"), REGRESSED, Reason.HUNG, "it hung"),
        (None, card(miou=None), REGRESSED, Reason.NO_NUMBER, "there is no mean IoU"),
        (faulty("refused"), faulty("refused"), Status.OK, None, "as accepted before, the engine refused it"),
        (faulty("refused"), card(), Status.NEW, Reason.NO_BASELINE, "it works now, where the baseline has it as"),
        (faulty("refused"), faulty("died"), REGRESSED, Reason.DIED, "it died"),
        (
            card(golden=replace(GOLDEN, version=2, sha256="cd" * 32)),
            card(),
            Status.NOT_JUDGED,
            Reason.GOLDEN_VERSION,
            "golden set small version 2 (sha256 cdcdcdcdcdcd), this run of small version 1 (sha256 abababababab).",
        ),
    ],
)  # fmt: skip
def test_what_is_said(before: Card | None, now: Card, status: Status, reason: Reason | None, said: str) -> None:
    verdict = judge(before, now)
    assert (verdict.status, verdict.reason) == (status, reason), verdict.sentence
    assert said in verdict.sentence
    assert verdict.sentence.startswith(f"pi: {now.candidate}: ")


def test_pictures_of_another_set_are_named_where_all_were_run() -> None:
    now = card(fallen(0.1, "b.jpg") | {"new.jpg": 0.9}, golden=replace(GOLDEN, sha256="cd" * 32, items=8, of=8))
    assert judge(card(), now).sentence.endswith("; other pictures: b.jpg, new.jpg.")
    assert "other pictures" not in judge(card(), replace(now, golden=replace(now.golden, of=9))).sentence
    assert "other pictures" not in judge(card(), replace(now, tier_sha256="another")).sentence


def test_another_set_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    before = card(golden=replace(GOLDEN, version=2))
    cards = [card(tier=tier) for tier in ("selfie-96x160-fp16", INT8)]
    screen.verdicts([Outcome(one, Path(), before, judge(before, one)) for one in cards])
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("not-judged")]
    assert told[0].startswith("not-judged: 2 candidates: the baseline is of golden set small version 2")
    assert told[1:] == ["not-judged: run the baseline's set, or approve this run as the new baseline."]


def test_a_picture_without_a_score_is_named() -> None:
    now = card()
    broken = tuple(replace(item, iou=None, boundary_f=None) if item.item == "c.jpg" else item for item in now.items)
    verdict = judge(card(), replace(now, items=broken))
    assert (verdict.reason, verdict.pictures[0]) == (Reason.NO_NUMBER, "c.jpg")


def test_a_fall_of_few_pictures_is_weighed_against_chance() -> None:
    """One of six pictures carries the fall: the interval reaches 0, and the note says so."""
    now = card(fallen(0.029, "a.jpg") | {"b.jpg": IOUS["b.jpg"] - 0.004}, tier_sha256="new")
    verdict = judge(card(), now)
    assert verdict.status is Status.OK
    assert "with so few pictures that may be chance" in verdict.notes[0]


def test_what_fell_most_is_shown_first() -> None:
    verdict = judge(card(), card(fallen(0.1) | {"d.jpg": 0.5}))
    assert verdict.reason is Reason.SCORE_MEAN
    assert verdict.pictures[0] == "d.jpg"
    assert set(verdict.pictures) == {*IOUS, "room.jpg"}
    assert "worst d.jpg 0.960 to 0.500" in verdict.sentence
    assert [ORDER[f.reason] for f in verdict.findings] == sorted(ORDER[f.reason] for f in verdict.findings)


def test_fewer_pictures_are_judged_on_those_that_both_have() -> None:
    some = {name: IOUS[name] for name in ("a.jpg", "b.jpg")}
    verdict = judge(card(), card(some))
    assert verdict.status is Status.OK
    assert "judged on 3 of the baseline's 7 pictures" in verdict.notes


def test_int8_is_held_to_fp32_of_the_same_device() -> None:
    fp32 = card(tier="selfie-96x160-fp32")
    low = card(fallen(0.05), tier=INT8)
    new, _ = judge_all({}, [low, fp32])
    assert (new.status, new.reason) == (REGRESSED, Reason.BELOW_FP32)
    assert "it scores 94.8% of FP32's mean IoU on this device, and 96% is the least" in new.sentence
    assert judge_all({}, [low, replace(fp32, device="other")])[0].status is Status.NEW


def test_what_was_accepted_below_fp32_is_no_news() -> None:
    fp32, low = card(tier="selfie-96x160-fp32"), card(fallen(0.05), tier=INT8)
    accepted = {("pi", one.candidate.key): one for one in (fp32, low)}
    assert [verdict.status for verdict in judge_all(accepted, [low, fp32])] == [Status.OK, Status.OK]
    accepted[("pi", low.candidate.key)] = card(tier=INT8)
    assert Reason.BELOW_FP32 in [finding.reason for finding in judge_all(accepted, [low, fp32])[0].findings]


@pytest.mark.parametrize(
    ("statuses", "code"), [("ok new", 0), ("ok lost", 69), ("lost regressed", 5), ("not-judged", 5)]
)
def test_how_a_run_ends(statuses: str, code: int) -> None:
    ok = judge(card(), card())
    assert exit_code(replace(ok, status=Status(word)) for word in statuses.split()) == code


# What the rules promise of any card.

unit = st.floats(0, 1, allow_nan=False)
speeds = st.builds(Speed, st.floats(0.1, 900), st.floats(0.1, 900), st.integers(1, 5000), st.floats(0.1, 300))
cards = st.builds(
    lambda values, tier, room, **known: card(
        dict(zip(IOUS, values, strict=False)), tier=f"selfie-96x160-{tier}", room=room, **known
    ),
    st.lists(unit, min_size=1, max_size=6),
    st.sampled_from(["fp32", "fp16", "int8"]),
    unit,
    rss_mb=st.none() | st.floats(1, 4000),
    speed=st.none() | speeds,
    timing=st.sampled_from(["real", "emulated"]),
)


@settings(deadline=None)
@given(cards)
def test_nothing_changed_is_ok(one: Card) -> None:
    assert judge(one, one).status is Status.OK


@settings(deadline=None)
@given(cards, speeds, speeds)
def test_emulated_times_are_never_judged(one: Card, before: Speed, after: Speed) -> None:
    emulated = replace(one, timing="emulated")
    verdict = judge(replace(emulated, speed=before), replace(emulated, speed=after))
    assert verdict.status is Status.OK
    assert any("emulated" in note for note in verdict.notes)


@settings(deadline=None)
@given(st.none() | cards, cards, st.booleans())
def test_lost_is_never_regressed(before: Card | None, now: Card, with_scores: bool) -> None:
    lost = faulty("lost", candidate=now.candidate)
    verdict = judge(before, replace(now, fault=lost.fault) if with_scores else lost)
    assert verdict.status is Status.LOST
    assert exit_code([verdict]) == 69


@settings(deadline=None)
@given(cards, cards)
def test_one_sentence_and_a_reason_whatever_comes(before: Card, now: Card) -> None:
    verdict = judge(before, now)
    assert "\n" not in verdict.sentence
    assert verdict.sentence.endswith(".")
    assert (verdict.reason is None) == (verdict.status is Status.OK)
    if verdict.status is Status.REGRESSED:
        assert verdict.findings
        assert set(verdict.pictures) == {item.item for item in now.items}


@settings(deadline=None)
@given(st.floats(1.25, 50), st.sampled_from(["p50", "p90", "both"]))
def test_a_slowdown_counts_when_both_percentiles_have_it(times: float, where: str) -> None:
    slow = Speed(SPEED.p50 * (times if where != "p90" else 1), SPEED.p90 * (times if where != "p50" else 1), 2000, 61.0)
    verdict = judge(card(), card(speed=slow))
    assert verdict.reason is (Reason.SPEED if where == "both" else None)
