"""`edgeseg calibrate`, `edgeseg ladder`, and `edgeseg run --tier auto`, which takes what they say."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from command import Done, edgeseg, words

from edgeseg.tiers.catalogue import DEFAULT_TIER, catalogue


@pytest.fixture(scope="module")
def state(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder in which some candidates of this machine are kept."""
    folder = tmp_path_factory.mktemp("state")
    ran = edgeseg("calibrate --time 4 --engine cpu --json", folder, env={"EDGESEG_STATE": str(folder)})
    assert ran.code == 0, ran.err
    figures = ran.json
    assert figures["new"] == len(figures["measured"]) >= 1
    assert figures["new"] + len(figures["refused"]) + len(figures["left"]) == len(catalogue())
    assert figures["path"] == str(folder / "ladder.json")
    assert figures["choice"]["tier"].startswith("selfie-288x288")
    for one in figures["measured"]:
        assert one["expected"] - one["score"] <= 0.01
        assert 0 < one["infer_ms"] < one["p95_ms"]
        assert one["delegated"] == one["nodes"] > 0
    return folder


def run(args: str, cwd: Path, state: Path) -> Done:
    return edgeseg(args, cwd, env={"EDGESEG_STATE": str(state)})


def test_the_ladder_is_shown(state: Path, tmp_path: Path) -> None:
    ran = run("ladder", tmp_path, state)
    assert (ran.code, ran.sentences) == (0, [])
    text = ran.out.decode()
    assert "selfie-288x288" in text
    assert "taken: selfie-288x288" in text
    figures = run("ladder --json --fps 25 --framing webcam", tmp_path, state).json
    assert figures["fps"] == 25
    assert figures["ladder"] == sorted(figures["ladder"], key=lambda rung: rung["ms"])
    assert {key: figures["choice"][key] for key in figures["ladder"][-1]} == figures["ladder"][-1]


def test_no_ladder_is_exit_4_and_says_what_to_do(tmp_path: Path) -> None:
    ran = run("ladder", tmp_path, tmp_path / "none")
    assert (ran.code, ran.sentences) == (4, ["There is no ladder of this device: run edgeseg calibrate."])


def test_run_takes_what_the_ladder_says(state: Path, tmp_path: Path, asset: Callable[[str], Path]) -> None:
    clip = asset("carphone")
    ran = run(f"run --source {clip} --frames 2 --json", tmp_path, state)
    assert ran.code == 0, ran.err
    assert ran.json["tier"].startswith("selfie-288x288")
    assert f"tier: {ran.json['tier']} on cpu, 1 thread: " in ran.err
    named = run(f"run --source {clip} --frames 2 --json --tier {DEFAULT_TIER}", tmp_path, state)
    assert named.json["tier"] == DEFAULT_TIER
    assert "tier: " not in named.err
    unmasked = run(f"run --source {clip} --frames 2 --json --background none", tmp_path, state)
    assert unmasked.json["tier"] is None
    assert "tier: " not in unmasked.err


def test_run_without_a_ladder_takes_the_default_and_says_so(tmp_path: Path, asset: Callable[[str], Path]) -> None:
    ran = run(f"run --source {asset('carphone')} --frames 2 --json", tmp_path, tmp_path / "none")
    assert (ran.code, ran.json["tier"]) == (0, DEFAULT_TIER)
    assert f"tier: not calibrated: run edgeseg calibrate (until then: {DEFAULT_TIER})\n" in ran.err


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": 1}', '{"schema": 99, "measured": []}'])
def test_a_corrupt_ladder_is_said_by_both(
    content: str, tmp_path: Path, model: Path, asset: Callable[[str], Path]
) -> None:
    (tmp_path / "ladder.json").write_text(content)
    ran = run(f"run --source {asset('carphone')} --frames 2 --json", tmp_path, tmp_path)
    assert (ran.code, ran.json["tier"]) == (0, DEFAULT_TIER)
    assert f"tier: not calibrated, for the kept ladder {tmp_path / 'ladder.json'} is " in ran.err
    shown = run("ladder", tmp_path, tmp_path)
    assert shown.code == 4
    (sentence,) = shown.sentences
    assert sentence.startswith(f"The kept ladder {tmp_path / 'ladder.json'} is ")
    assert sentence.endswith("run edgeseg calibrate.")


def test_a_state_folder_that_takes_nothing_still_shows_the_result(tmp_path: Path, model: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = run("calibrate --time 1 --engine cpu", tmp_path, tmp_path / "file" / "state")
    assert ran.code == 7
    assert "taken: selfie-288x288" in ran.out.decode()
    sentence = ran.sentences[-1]
    assert sentence.startswith(f"The ladder cannot be kept in {tmp_path}/file/state: Not a directory; ")


def test_ctrl_c_keeps_what_was_measured(tmp_path: Path, model: Path) -> None:
    command = words("calibrate --time 100 --json")
    env = os.environ | {"EDGESEG_STATE": str(tmp_path)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        _wait_for_a_model(process.pid)
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    if process.returncode == 130:  # on a machine so slow that nothing was measured yet
        assert "Stopped before anything was measured." in err
        return
    assert process.returncode == 0, err
    figures = json.loads(out)
    assert figures["interrupted"]
    assert len(json.loads((tmp_path / "ladder.json").read_text())["measured"]) == figures["new"] > 0
    assert f"Stopped: {figures['new']} candidates were measured, and {len(figures['left'])} are left." in err


def _wait_for_a_model(pid: int) -> None:
    """Until the process has loaded a runtime."""
    for _ in range(600):
        if "litert" in Path(f"/proc/{pid}/maps").read_text(errors="replace").lower():
            return
        time.sleep(0.05)
    pytest.fail("no model was loaded")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ("calibrate --engine gpux", "There is no engine 'gpux'; "),
        ("calibrate --engine chroma", "There is no engine 'chroma'; "),
        ("calibrate --fps 0", "--fps is 0; give 0.001 to 1000."),
        ("calibrate --fps nan", "--fps is nan; give 0.001 to 1000."),
        ("calibrate --time 0.5", "--time is 0.5; give 1 to 86400 seconds."),
        ("calibrate --time inf", "--time is inf; give 1 to 86400 seconds."),
        ("calibrate --framing desk", "There is no --framing 'desk'; "),
        ("calibrate --models nowhere", "The folder of models 'nowhere' is not there; check --models."),
        ("ladder --fps 1e9", "--fps is 1e+09; give 0.001 to 1000."),
        ("ladder --framing webcams", "There is no --framing 'webcams'; did you mean 'webcam'?"),
        ("run --tier autom --source x", "There is no tier 'autom'; "),
        ("bench --tier auto", "There is no tier 'auto'; "),
        ("mask a.png b.png --engine auto", "There is no engine 'auto'; "),
    ],
)
def test_wrong_options_are_one_sentence(args: str, said: str, tmp_path: Path) -> None:
    ran = run(args, tmp_path, tmp_path)
    assert ran.code == 2, ran.err
    (sentence,) = ran.sentences
    assert sentence.startswith(said)


def test_a_tier_that_scores_less_than_its_catalogue_says_is_refused_with_the_figures(
    tmp_path: Path, model: Path
) -> None:
    """The tier's file is whole and is what its row means; only the score that the row promises is another."""
    row = {name: value for name, value in dataclasses.asdict(catalogue()[DEFAULT_TIER]).items() if name != "name"}
    row |= {"golden": {"stills": 0.99, "webcam": 0.99, "small": 0.995}}  # the best there is, so that it comes first
    (tmp_path / "catalogue.yaml").write_text(json.dumps({"mine": {key: row[key] for key in row if key != "twin"}}))
    (tmp_path / "mine.tflite").write_bytes(model.read_bytes())
    ran = run("calibrate --time 2 --json --models .", tmp_path, tmp_path / "state")
    assert ran.code == 0, ran.err
    (refused,) = ran.json["refused"]
    assert refused["tier"] == "mine"
    assert "on the small golden set instead of 0.9950, 2.0 points less, more than 1" in refused["reason"]
    assert ran.json["choice"]["tier"] != "mine"


def test_a_file_may_say_auto(state: Path, tmp_path: Path, asset: Callable[[str], Path]) -> None:
    (tmp_path / "own.yaml").write_text("tier: auto\n")
    ran = run(f"run --source {asset('carphone')} --frames 2 --json --config own.yaml", tmp_path, state)
    assert ran.code == 0, ran.err
    assert ran.json["tier"].startswith("selfie-288x288")


def test_the_profile_says_rate_and_engines_unless_options_do(tmp_path: Path, model: Path) -> None:
    ran = run("calibrate --time 1 --json --profile generic --fps 20", tmp_path, tmp_path)
    assert (ran.code, ran.json["fps"]) == (0, 20), ran.err
    profile = run("ladder --json --profile generic", tmp_path, tmp_path)
    shown = run("profile show generic --json", tmp_path, tmp_path)
    assert (profile.code, shown.code) == (0, 0), profile.err
    assert profile.json["fps"] == float(Fraction(str(shown.json["keys"]["targets.fps"]["value"])))
    wrong = run("calibrate --profile nothing-such", tmp_path, tmp_path)
    assert (wrong.code, len(wrong.sentences)) == (2, 1)


def test_a_governed_run_leaves_a_trace_that_replays(state: Path, tmp_path: Path, asset: Callable[[str], Path]) -> None:
    options = f"run --source {asset('carphone')} --realtime --trace t.jsonl --json"  # the tier is auto, and measured
    ran = run(options, tmp_path, state)
    assert ran.code == 0, ran.err
    assert ran.json["masks"]["own"] > 0
    replay = run("governor replay t.jsonl", tmp_path, state)
    assert (replay.code, "every decision is the same" in replay.out.decode()) == (0, True), replay.err


def test_without_a_ladder_there_is_nothing_to_govern_by(
    tmp_path: Path, model: Path, asset: Callable[[str], Path]
) -> None:
    ran = run(f"run --source {asset('carphone')} --realtime --govern", tmp_path, tmp_path)
    assert ran.code == 0
    assert "governor: it does not run: there is no ladder of this device: run edgeseg calibrate" in ran.err
    ran = run(f"run --source {asset('carphone')} --realtime --frames 5", tmp_path, tmp_path)
    assert (ran.code, "governor" in ran.err) == (0, False), ran.err
    for options, code in (("--no-govern --trace t", 2), ("--tier auto --govern --trace nowhere/t", 7)):
        ran = run(f"run --source {asset('carphone')} --realtime --frames 5 {options}", tmp_path, tmp_path)
        assert (ran.code, len(ran.sentences) >= 1) == (code, True), ran.err


def test_the_governor_takes_no_other_engine_than_the_one_that_is_named(
    state: Path, tmp_path: Path, asset: Callable[[str], Path]
) -> None:
    ran = run(f"run --source {asset('carphone')} --realtime --govern --engine edgetpu", tmp_path, state)
    assert ran.code == 0, ran.err
    assert "governor: it does not run: nothing was measured with --engine edgetpu" in ran.err
