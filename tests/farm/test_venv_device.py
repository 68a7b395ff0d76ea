"""The kind venv: built once, known by the hash of what it was built of, and refused in one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deploy.farm.device import DeviceLost
from deploy.farm.kinds.venv import Venv, VenvEntry
from tests.lab.farm_fixtures import nothing_needed


def venv(cache: Path, **keys: object) -> Venv:
    entry = VenvEntry.model_validate({"kind": "venv", "python": sys.executable, **nothing_needed(), **keys})
    return Venv("bare", entry, cache)


def test_it_is_built_once_and_has_its_own_packages_only(tmp_path: Path) -> None:
    device, said = venv(tmp_path), []
    with pytest.raises(DeviceLost, match=r"is not built: run python -m deploy\.farm setup bare"):
        device.open()
    device.setup(said.append)
    device.setup(said.append)
    venv(tmp_path).setup(said.append)
    assert len(said) == 1
    device.open()
    device.put({"one.py": Path(__file__)})
    ask = (
        "import importlib.util as u, sys;"
        "print(sys.prefix != sys.base_prefix, u.find_spec('numpy'), u.find_spec('one').origin)"
    )
    command = device.start(["python", "-c", ask], 60)
    lines = list(command.lines())
    assert command.wait().code == 0
    assert lines[0].startswith("True None ")
    assert Path(lines[0].split()[-1]).resolve() == (tmp_path / "devices" / "bare" / "one.py").resolve()


def test_another_description_is_another_venv(tmp_path: Path) -> None:
    assert venv(tmp_path)._venv() == venv(tmp_path)._venv()
    assert venv(tmp_path)._venv() != venv(tmp_path, packages=["numpy<2"])._venv()


def test_edgesegs_own_packages_but_for_those_left_out(tmp_path: Path) -> None:
    names = venv(tmp_path, without=["AI_Edge_LiteRT"], packages=["tflite-runtime==2.14.0"])._requirements()
    assert not [name for name in names if name.startswith("ai-edge-litert")]
    assert [name for name in names if name.startswith("opencv-python-headless")]
    assert not [name for name in names if "extra" in name]
    assert names[-1] == "tflite-runtime==2.14.0"


def test_an_interpreter_that_is_not_here(tmp_path: Path) -> None:
    with pytest.raises(
        DeviceLost, match=r"^There is no python3\.99 here: install it, or name another under 'python'\.$"
    ):
        venv(tmp_path, python="python3.99").setup(lambda line: None)


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (
            'echo "pyenv: python3.8: command not found"; echo; echo Note: see pyenv help global',
            "pyenv: python3.8: comm",
        ),
        ("echo Traceback; echo ' File x'; echo; echo 'ModuleNotFoundError: no sysconfig.'", "ModuleNotFoundError: no "),
        ("true", "it says nothing."),
    ],
)
def test_an_interpreter_that_does_not_run(says: str, why: str, tmp_path: Path) -> None:
    shim = tmp_path / "python3.8"
    shim.write_text(f"#!/bin/sh\n({says}) >&2\nexit 127\n")
    shim.chmod(0o755)
    with pytest.raises(DeviceLost) as told:
        venv(tmp_path, python=str(shim)).setup(lambda line: None)
    assert str(told.value).startswith(f"{shim} does not run: {why}")
    assert "import json" not in str(told.value)


def test_packages_that_cannot_be_had_leave_no_half_venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    device = venv(tmp_path, packages=["no-such-package-of-edgeseg"])
    said = r"^The venv of \S+ cannot be made: No matching distribution found for no-such-package-of-edgeseg\.$"
    with pytest.raises(DeviceLost, match=said):
        device.setup(lambda line: None)
    with pytest.raises(DeviceLost, match="is not built"):
        device.open()
