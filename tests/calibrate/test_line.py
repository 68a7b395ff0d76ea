"""One candidate in the product's own line, with a real model."""

from __future__ import annotations

import pytest

from edgeseg.calibrate.line import Line, frames_of
from edgeseg.clock import SystemClock
from edgeseg.errors import CandidateError
from edgeseg.frames import Size
from edgeseg.tiers import files
from edgeseg.tiers.catalogue import DEFAULT_TIER, catalogue
from edgeseg.tiers.ladder import Candidate


def test_a_line_scores_as_the_catalogue_says_and_takes_time(tier_file) -> None:
    tier_file()
    line = Line(Candidate(DEFAULT_TIER, "cpu", 1), SystemClock())
    try:
        assert line.score() == pytest.approx(catalogue()[DEFAULT_TIER].golden["small"], abs=0.002)
        seconds = line.frame_s()
        assert 0 < line.infer_s < seconds < 10
        assert line.report.engine == "cpu"
        assert line.memory_mb > 20
    finally:
        line.close()


def test_its_frames_are_a_person_to_the_left_and_to_the_right() -> None:
    one, other = frames_of(Size(320, 180))
    assert one.size == other.size == (320, 180)
    assert (one.planes.y[:, ::-1] == other.planes.y).mean() > 0.99


def test_a_tier_without_its_file_cannot_start(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(files, "BUILT", tmp_path)
    with pytest.raises(CandidateError, match="in none of the folders"):
        Line(Candidate(DEFAULT_TIER, "cpu", 1), SystemClock())
