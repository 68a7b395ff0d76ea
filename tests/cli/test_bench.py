"""`edgeseg bench`: its figures, its tables, and what it says of wrong options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command import edgeseg


@pytest.fixture(scope="module", autouse=True)
def _built(tier_file: Callable[..., Path]) -> None:
    tier_file()


def test_plain_figures(tmp_path: Path) -> None:
    ran = edgeseg("bench --runs 5 --threads 1 --json", tmp_path)
    assert (ran.code, ran.sentences) == (0, []), ran.err
    figures = ran.json
    assert (figures["tier"], figures["engine"]) == ("selfie-landscape-144x256-fp16", "cpu")
    assert (figures["runs"], figures["threads"]) == (5, 1)
    assert 0 < figures["ms"]["p50"] <= figures["ms"]["p95"]
    assert figures["delegated"] == figures["nodes"] > 0
    assert "ops" not in figures


def test_per_op_figures(tmp_path: Path) -> None:
    ran = edgeseg("bench --per-op --runs 5 --json", tmp_path)
    assert (ran.code, ran.sentences) == (0, []), ran.err
    figures = ran.json
    assert sum(op["share"] for op in figures["ops"]) == pytest.approx(1, abs=0.01)
    assert set(figures["ops"][0]) == {"name", "kind", "kernel", "ms", "share", "delegated", "node"}
    assert figures["not_delegated"] == []
    assert figures["partitions"] == 1


def test_tables(tmp_path: Path) -> None:
    ran = edgeseg("bench --per-op --runs 5", tmp_path)
    assert (ran.code, ran.sentences) == (0, []), ran.err
    lines = ran.out.decode().splitlines()
    assert lines[0].startswith("selfie-landscape-144x256-fp16 on cpu (")
    assert lines[0].endswith("nodes delegated to XNNPACK in 1 partition")
    assert lines[1].startswith("p50 ")
    assert lines[1].endswith(" of 5 runs")
    assert any(line.split()[:5] == ["op", "ms", "share", "delegated", "kernel"] for line in lines)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--runs 0", "--runs is 0; give 1 to 100000."),
        ("--threads 65", "--threads is 65; give 1 to 64, or 0 for one less than the cores."),
        ("--engine cqu", "There is no engine 'cqu'; did you mean 'cpu'?"),
        ("--tier selfie-landscape-144x256-fp61", "did you mean 'selfie-landscape-144x256-fp16'?"),
        ("--per-opp", "There is no option '--per-opp'; did you mean '--per-op'?"),
    ],
)
def test_wrong_options(tmp_path: Path, options: str, says: str) -> None:
    ran = edgeseg(f"bench {options}", tmp_path)
    assert ran.code == 2
    assert len(ran.sentences) == 1
    assert ran.sentences[0].endswith(says)
