"""`edgeseg governor`: simulate, replay, plot, and what they say of wrong names and files."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import edgeseg

KEYS = {"scenario", "policy", "in_band", "settle_down_s", "settle_up_s", "quality_regret", "switches_per_min"}


def test_simulate_prints_json_and_its_trace_replays_and_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    ran = edgeseg("governor simulate --scenario load-x2 --json --plot p.png --trace t.jsonl", tmp_path, timeout_s=200)
    assert (ran.code, ran.sentences) == (0, []), ran.err
    rows = ran.json
    assert [row["policy"] for row in rows] == ["edgeseg", "oracle", "steps", "aimd"]
    assert all(set(row) == KEYS | {"limit_violation_s"} for row in rows)
    assert rows[1]["in_band"] == 1
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "p.png").stat().st_size < 150_000

    ran = edgeseg("governor replay t.jsonl", tmp_path)
    assert ran.code == 0, ran.err
    lines = ran.out.decode().splitlines()
    assert lines[-1].startswith("1200 looks, ")
    assert lines[-1].endswith("every decision is the same.")
    assert any("to hold the frame rate" in line for line in lines)
    every = edgeseg("governor replay --every t.jsonl", tmp_path)
    assert len(every.out.decode().splitlines()) == 1201

    ran = edgeseg("governor plot t.jsonl --output q.png", tmp_path)
    assert (ran.code, ran.out) == (0, b"q.png\n"), ran.err
    assert (tmp_path / "q.png").read_bytes().startswith(b"\x89PNG")

    text = (tmp_path / "t.jsonl").read_text()
    (tmp_path / "cut.jsonl").write_text(text[:-100])
    (tmp_path / "other.jsonl").write_text(text.replace('"take_share": 0.91', '"take_share": 0.5'))
    (tmp_path / "new.jsonl").write_text(text.replace('"edgeseg_governor_trace": 1', '"edgeseg_governor_trace": 9'))
    cut = edgeseg("governor replay cut.jsonl", tmp_path)
    assert cut.code == 2
    assert cut.sentences == ["cut.jsonl was cut off in line 1201; remove that line to replay the 1199 looks before it."]
    new = edgeseg("governor plot new.jsonl", tmp_path)
    assert (new.code, new.sentences) == (
        2,
        ["new.jsonl is a trace of version 9, and this edgeseg reads 1: replay it with its own."],
    )
    other = edgeseg("governor replay other.jsonl", tmp_path)
    assert other.code == 5
    assert other.sentences[0].startswith("other.jsonl replays otherwise from look ")


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ("simulate --scenario clam", 2, "There is no scenario 'clam'; did you mean 'calm'?"),
        ("simulate --plot p.png", 2, "--plot and --trace take one scenario; name it with --scenario."),
        ("replay nothing.jsonl", 2, "nothing.jsonl cannot be read: No such file or directory."),
        ("replay .", 2, ". cannot be read: Is a directory."),
        ("plot empty", 2, "empty is empty: the governor never looked, or it is no trace."),
        (
            "replay /dev/zero",
            2,
            "/dev/zero is no trace of the governor: a line has more than 1000000 characters.",
        ),
        ("plot empty --output p.pdf", 2, "--output p.pdf is no PNG; give a name that ends in .png."),
        ("plot picture", 2, "picture is no trace of the governor: it is no text; give what --trace wrote."),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, args: str, code: int, said: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "picture").write_bytes(b"\x89PNG\r\n\xff\xfe")
    ran = edgeseg(f"governor {args}", tmp_path)
    assert (ran.code, ran.sentences) == (code, [said])
