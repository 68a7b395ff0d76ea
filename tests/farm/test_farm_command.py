"""`python -m deploy.farm`: exit codes, what it prints, and the way from a run to a baseline and a regression."""

from __future__ import annotations

import json
from pathlib import Path

from farm_command import farm, finished

from deploy.farm import runs


def test_a_run_is_approved_and_a_change_of_bits_is_a_regression(farm_cache: Path, tmp_path: Path) -> None:
    first = finished(farm_cache, tmp_path, "--report", str(tmp_path / "report"))
    assert first.returncode == 0, first.stderr
    assert "here: 3/3 selfie-landscape-96x160-int8 on cpu, 1 thread: mIoU 0." in first.stderr
    accepts = "new: 3 of 3 candidates; python -m deploy.farm approve accepts the run as baseline.\n"
    assert first.stdout.endswith(accepts)
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"report.html", "report.json", "junit.xml"}
    where = ["--output", str(tmp_path), "--baselines", str(tmp_path / "baselines")]
    refused = farm("approve", *where, "--who", "Ann")
    assert (refused.returncode, "needs a reason" in refused.stderr) == (2, True)
    approved = farm("approve", *where, "--who", "Ann", "--reason", "the first")
    assert (approved.returncode, approved.stdout[:27]) == (0, "3 candidates were accepted ")
    assert farm("approve", *where, "--who", "Ann", "--reason", "again").stdout == "Nothing changes.\n"
    again = finished(farm_cache, tmp_path, "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)
    file = tmp_path / "baselines" / "small" / "here.json"
    accepted = json.loads(file.read_text(encoding="utf-8"))
    accepted["candidates"]["selfie-landscape-96x160-int8.cpu.1"]["items"][0]["mask_sha256"] = "0" * 64
    file.write_text(json.dumps(accepted), encoding="utf-8")
    changed = farm("report", str(tmp_path / "report"), *where)
    assert changed.returncode == 5, changed.stdout + changed.stderr
    assert "regressed: here: selfie-landscape-96x160-int8 on cpu, 1 thread: " in changed.stdout
    assert "mask-hash" in (tmp_path / "report" / "report.json").read_text(encoding="utf-8")
    cards = sorted((tmp_path / runs.names(tmp_path)[-1] / "here").glob("*.json"))
    for card in cards[:2]:
        card.unlink()
    refused = farm("approve", *where, "--who", "Ann", "--reason", "two are gone")
    said = [line for line in refused.stderr.splitlines() if line.endswith("give --partial to leave it as it is.")]
    assert (refused.returncode, len(said), "\\n" in refused.stderr) == (2, 2, False), refused.stderr


def test_a_device_that_is_gone_is_69_and_what_is_done_stays_done(farm_cache: Path, tmp_path: Path) -> None:
    both = (farm_cache / "farm.yaml").read_text(encoding="utf-8")
    both += "  gone: {kind: venv, python: python3.99, tiers: ['*-96x160-*']}\n"
    (tmp_path / "farm.yaml").write_text(both.replace("*-96x160-*", "*-96x160-int8"), encoding="utf-8")
    more = ("--farm", str(tmp_path / "farm.yaml"))
    first = finished(farm_cache, tmp_path / "out", *more)
    assert first.returncode == 69, first.stderr
    assert "lost: gone: There is no python3.99 here: install it, or name another under 'python'." in first.stdout
    (name,) = runs.names(tmp_path / "out")
    (card,) = (tmp_path / "out" / name / "here").glob("*.json")
    made = card.stat().st_mtime_ns
    assert finished(farm_cache, tmp_path / "out", *more).returncode == 69
    assert runs.names(tmp_path / "out") == [name]
    assert card.stat().st_mtime_ns == made
    shown = farm("devices", *more, "--cache", str(farm_cache))
    assert shown.returncode == 0
    assert [line.split()[:2] for line in shown.stdout.splitlines()] == [
        ["device", "kind"],
        ["here", "local"],
        ["gone", "venv"],
    ]
    assert farm("setup", "gone", *more, "--cache", str(farm_cache)).returncode == 69
    assert farm("setup", "here", *more, "--cache", str(farm_cache)).returncode == 0


def test_bad_input_is_one_sentence(farm_cache: Path, tmp_path: Path) -> None:
    (tmp_path / "farm.yaml").write_text("golden: nowhere\ndevices: {a: {kind: lokal}}\n", encoding="utf-8")
    (tmp_path / "no.whl").write_text("no wheel", encoding="utf-8")
    for more, code, says in (
        (("--farm", str(tmp_path / "farm.yaml")), 2, "farm.yaml:1: golden: there is no"),
        (("--only", "hare"), 2, "has no device 'hare'; did you mean 'here'?"),
        (("--wheel", str(tmp_path / "no.whl")), 2, "is no wheel that can be read"),
        (("--wheel", str(tmp_path / "none.whl")), 2, "none.whl cannot be read"),
        (("--output", str(tmp_path / "no.whl")), 7, "cannot be written"),
    ):
        done = finished(farm_cache, tmp_path / "out", *more)
        assert (done.returncode, says in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr
    nothing = farm("report", str(tmp_path / "report"), "--output", str(tmp_path / "nowhere"))
    assert (nothing.returncode, "There are no runs in" in nothing.stderr) == (2, True)
