"""Packages: missing, too old, not for each other; and the bounds are those of pyproject.toml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from made import board, fact, told

from edgeseg.doctor import software

GOOD = {"ai-edge-litert": "2.3.0", "numpy": "2.1", "opencv-python-headless": "4.11.0.86", "av": "14.0"}
BITS = {"userland_bits": fact(64)}
CASES: dict[str, tuple[dict[str, str], list[str]]] = {
    "good": (GOOD, []),
    "none known": ({}, []),
    "no runtime": ({"numpy": "2.1"}, ["fault: No runtime for models is installed"]),
    "an old one": (GOOD | {"ai-edge-litert": "1.4.0"}, ["fault: ai-edge-litert 1.4.0 is too old: 2.0 or newer is"]),
    "old PyAV": (GOOD | {"av": "12.3"}, ["fault: av 12.3 is too old: 14 or newer is needed."]),
    "tflite-runtime": (
        {"tflite-runtime": "2.14.0", "numpy": "2.0.1"},
        ["warning: tflite-runtime runs the models", "fault: tflite-runtime 2.14.0 needs numpy 1, and 2.0.1"],
    ),
    "a plug-in of another version": (
        GOOD | {"ai-edge-litert-sdk-intel": "2.2.0"},
        ["warning: ai-edge-litert-sdk-intel 2.2.0 was made for another ai-edge-litert than 2.3.0."],
    ),
    "both of OpenCV": (GOOD | {"opencv-python": "4.11"}, ["warning: opencv-python and opencv-python-headless are"]),
}


@pytest.mark.parametrize(("packages", "said"), CASES.values(), ids=CASES)
def test_packages(packages: dict[str, str], said: list[str]) -> None:
    known: dict[str, Any] = {name: fact(version) for name, version in packages.items()}
    findings = software.check(board(software={"packages": known, "python": fact("3.11"), **BITS}))
    assert [line[: len(start)] for line, start in zip(told(findings), said, strict=True)] == said
    assert all(one.remedy for one in findings)


def test_the_least_versions_are_those_of_the_project() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    for name, least in software.LEAST.items():
        bounds = re.findall(rf'"{re.escape(name)}>=([\d.]+)', text)
        assert min(map(software.version, bounds)) == least, name


@pytest.mark.parametrize(
    ("text", "numbers"), [("2.3.0", (2, 3, 0)), ("4.11.0rc1", (4, 11, 0)), ("dev", ()), ("1.2+local", (1, 2))]
)
def test_versions(text: str, numbers: tuple[int, ...]) -> None:
    assert software.version(text) == numbers
