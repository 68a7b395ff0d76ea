"""--tier auto: what the kept ladder says, as far as it is of this device and of the models that are here."""

from __future__ import annotations

import pytest
from ladders import measured

from edgeseg.chosen import choose_here
from edgeseg.tiers import kept
from edgeseg.tiers.catalogue import DEFAULT_TIER, catalogue
from edgeseg.tiers.identity import board_identity, runtime_identity
from edgeseg.tiers.kept import Kept
from edgeseg.tiers.ladder import Candidate

QUICK, GOOD = "selfie-landscape-96x160-int8", "selfie-288x288-fp16"


def known(tier: str, ms: float, **more):
    row = catalogue()[tier]
    return measured(tier, ms, **({"sha256": row.sha256, "golden": dict(row.golden)} | more))


@pytest.fixture
def keep(tmp_path, monkeypatch, tier_file):
    """keep(measured...) puts a ladder of this device into a state folder of the test's own."""
    tier_file(QUICK), tier_file(GOOD)
    monkeypatch.setenv("EDGESEG_STATE", str(tmp_path))

    def write(*many, board: str | None = None):
        board = board or board_identity()
        return kept.write(Kept(board, runtime_identity(), 5.0, "2026-11-24", many))

    return write


def test_the_rate_decides(keep) -> None:
    keep(known(QUICK, 5.0), known(GOOD, 20.0))
    assert choose_here(fps=30).candidate.tier == GOOD
    assert choose_here(fps=60).candidate.tier == QUICK
    assert choose_here().candidate.tier == GOOD
    chosen = choose_here(fps=30)
    assert chosen.note == f"{GOOD} on cpu, 1 thread: 20.0 ms of 26.7 ms a frame for 30 fps; the best of 2 rungs"


def test_nothing_kept_takes_the_default_and_says_what_to_do(keep) -> None:
    chosen = choose_here(threads=2)
    assert chosen.candidate == Candidate(DEFAULT_TIER, "cpu", 2)
    assert chosen.note == f"not calibrated: run edgeseg calibrate (until then: {DEFAULT_TIER})"


def test_another_boards_ladder_is_not_taken(keep) -> None:
    path = keep(known(QUICK, 5.0), board="another")
    chosen = choose_here()
    assert chosen.candidate.tier == DEFAULT_TIER
    assert chosen.note.startswith(f"not calibrated, for the kept ladder {path} is of another board (another)")


def test_a_damaged_ladder_stops_no_run(keep) -> None:
    path = keep(known(QUICK, 5.0))
    path.write_text("{")
    assert choose_here().note.startswith(f"not calibrated, for the kept ladder {path} is damaged: run")


def test_a_model_that_has_changed_is_passed_over(keep) -> None:
    keep(known(QUICK, 5.0), known(GOOD, 20.0, sha256="f" * 64))
    chosen = choose_here()
    assert chosen.candidate.tier == QUICK
    assert chosen.note.endswith(f"(of other models than were measured: {GOOD}; run edgeseg calibrate)")
    keep(known(GOOD, 20.0, sha256="f" * 64))
    assert choose_here().note.startswith("what was measured is of models that have changed: run")


def test_a_tier_that_is_gone_is_passed_over(keep) -> None:
    keep(known(QUICK, 5.0), measured("mine", 9.0, 0.99))
    assert choose_here().candidate.tier == QUICK


def test_an_engine_that_is_named_is_the_one(keep) -> None:
    keep(known(QUICK, 5.0), known(GOOD, 3.0, engine="gpu"))
    assert choose_here().candidate == Candidate(GOOD, "gpu", 1)
    assert choose_here(engine="cpu").candidate == Candidate(QUICK, "cpu", 1)
    nothing = choose_here(engine="npu")
    assert nothing.candidate == Candidate(GOOD, "npu", 0)
    assert nothing.note == f"nothing was measured with --engine npu: {GOOD}, which is the choice without it"


def test_threads_that_are_named_are_kept_to(keep) -> None:
    keep(known(QUICK, 5.0), known(GOOD, 9.0, threads=3))
    assert choose_here().candidate == Candidate(GOOD, "cpu", 3)
    assert choose_here(threads=1).candidate == Candidate(QUICK, "cpu", 1)
    assert choose_here(threads=2).candidate == Candidate(GOOD, "cpu", 2)
