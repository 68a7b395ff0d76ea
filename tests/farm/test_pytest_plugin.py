"""The plugin, by pytest itself, on a real device: what was accepted, what regressed, what was lost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.farm import approval, runs
from edgeseg.golden import SMALL

pytest_plugins = "pytester"

TIERS = ["selfie-landscape-96x160-fp16", "selfie-landscape-96x160-int8"]
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def farm(pytester: pytest.Pytester, wheel: Path, tier_file: Callable[..., Path]) -> Run:
    """farm(devices, *options) runs the plugin on a farm of these devices."""
    for tier in TIERS:
        tier_file(tier)

    def run(devices: dict[str, object] | str, *options: str) -> pytest.RunResult:
        text = devices if isinstance(devices, str) else json.dumps({"golden": str(SMALL), "devices": devices})
        (pytester.path / "farm.yaml").write_text(text)
        folders = [f"--edgeseg-farm-{name}={name}" for name in ("baselines", "output", "cache")]
        given = ["-p", "deploy.farm.pytest_plugin", "--edgeseg-farm=farm.yaml", f"--edgeseg-farm-wheel={wheel}"]
        return pytester.runpytest_inprocess(
            *given, *folders, "-rA", "-p", "no:cacheprovider", "-p", "no:labgrid", *options
        )

    return run


def device(**more: object) -> dict[str, object]:
    return {"kind": "local", "quick": True, "tiers": TIERS, "pictures": 2, **more}


def accept(folder: Path) -> None:
    newest = folder / "output" / runs.names(folder / "output")[-1]
    approval.approve(folder / "baselines" / "small", runs.cards(newest), "the first", "Ann", "2026-11-25", "0.1.0")


def test_one_test_a_device_and_tier(farm: Run, pytester: pytest.Pytester) -> None:
    result = farm({"here": device()})
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["*there is no baseline yet; mean IoU 0.9*over 2 pictures*"])
    accept(pytester.path)

    result = farm({"here": device()}, "--edgeseg-farm-report=report", "-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*here?selfie-landscape-96x160-int8.cpu.1?*PASSED*"])
    assert {path.name for path in (pytester.path / "report").iterdir()} == {"report.html", "report.json", "junit.xml"}

    file = pytester.path / "baselines" / "small" / "here.json"
    better = re.sub(r'("iou": )0\.\d+', r"\g<1>0.99999", file.read_text())
    file.write_text(better.replace('"mask_sha256": "', '"mask_sha256": "0'))
    gone = device(env={"PYTHONPATH": str(broken_numpy(pytester.path))})
    result = farm({"here": device(), "gone": gone}, "-k", "int8")
    result.assert_outcomes(failed=1, errors=1, deselected=2)
    result.stdout.fnmatch_lines(
        [
            "gone: selfie-landscape-96x160-int8 on cpu, 1 thread: the device was lost, and nothing is known of it:*",
            "here: selfie-landscape-96x160-int8 on cpu, 1 thread: * fell *",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result = farm({"gone": gone}, "--edgeseg-farm-lost=skip")
    result.assert_outcomes(skipped=2)


def broken_numpy(folder: Path) -> Path:
    """A folder of packages in which numpy cannot be imported, as one for another Python."""
    (folder / "broken").mkdir(exist_ok=True)
    (folder / "broken" / "numpy.py").write_text("raise ImportError('numpy was built for another Python')\n")
    return folder / "broken"


def test_a_wrong_farm_file_is_told_line_by_line(farm: Run) -> None:
    result = farm(f"golden: {SMALL}\ndevices:\n  here: {{kind: lokal}}\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*farm.yaml:3: devices.here: there is no kind 'lokal'; did you mean 'local'?"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_file_that_is_not_there(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess("-p", "deploy.farm.pytest_plugin", "--edgeseg-farm=nothing.yaml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--edgeseg-farm: there is no file nothing.yaml."])


def test_own_tests_run_beside_it_where_they_are_named(farm: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own="def test_own(): pass")
    result = farm({"here": device()}, "--collect-only", "-q")
    result.stdout.no_fnmatch_line("*test_own*")
    result = farm({"here": device()}, "--collect-only", "-q", "test_own.py")
    result.stdout.fnmatch_lines(["*test_own*", "*here?selfie-landscape-96x160-fp16.cpu.1?*"])


def test_without_the_option_nothing_changes(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_own(): pass")
    pytester.runpytest_inprocess("-p", "deploy.farm.pytest_plugin").assert_outcomes(passed=1)
    assert not (pytester.path / "farm-output").exists()
