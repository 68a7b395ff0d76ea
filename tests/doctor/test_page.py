"""The page: no line too long, problems first, each with its remedy, and a last sentence that says it all."""

from __future__ import annotations

import dataclasses
import json

import pytest
from made import BOARDS, refused, report, taken, works

from edgeseg.clock import SystemClock
from edgeseg.doctor.asked import Options
from edgeseg.doctor.examine import Report, examine
from edgeseg.doctor.finding import Finding, worst_first
from edgeseg.doctor.page import last_sentence, page
from edgeseg.doctor.report import as_json

FAULT = Finding("fault", "engines", "The engine gpu does not run: " + "why " * 30, "tried", "Do this. " * 20)
NOTE = Finding("note", "heat", "It is warm [bold]\x1b[31m.", "/sys/there", "Cool it.")
FINE = Finding("fine", "cameras", "The camera is good.")


def made(*findings: Finding) -> Report:
    """A report of a Pi 5 that was tried, with these findings."""
    saved = examine(Options(), SystemClock(), BOARDS / "pi-5" / "root")
    seen = report("gpu", adapter="V3D 7.1", evidence=("the adapter said so " * 8, "/a/path/" + "x" * 90))
    trials = [works(), works("gpu", 3.0, report=seen), refused("npu", "No. " * 40)]
    return dataclasses.replace(
        saved, is_saved=False, taken=taken(), trials=trials, serves=trials[0], findings=worst_first(findings)
    )


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_no_line_is_longer_than_the_page_but_for_words_that_are(width: int) -> None:
    for line in page(made(NOTE, FAULT, FINE), width):
        assert len(str(line)) <= width or len(str(line).split()[-1]) > width - 30, line


def test_the_worst_comes_first_and_each_has_its_remedy() -> None:
    lines = [str(line) for line in page(made(FINE, NOTE, FAULT))]
    starts = [line.split()[0] for line in lines if line[:1].isupper()]
    assert starts == ["FAULT", "NOTE", "Not"]
    assert sum(line.startswith("  remedy  ") for line in lines) == 2
    assert "  cameras       The camera is good." in lines
    assert not any("\x1b" in line for line in lines)
    assert any("[bold]" in line for line in lines)


def test_what_runs_and_what_was_tried_are_told() -> None:
    text = " ".join(" ".join(str(line) for line in page(made(), 80)).split())
    assert "asked for engine auto, tier auto, 1280x720 at 30 fps" in text
    assert "a run takes selfie-landscape-144x256-fp16 on cpu, 1 thread: not calibrated serves cpu" in text
    assert "gpu works, 3.00 ms an inference (median of 30); V3D 7.1; 10 of 10 operations by XNNPACK in 1 part" in text
    assert "npu does not run: No. No." in text
    assert "edgetpu not tried: nothing for them was found here" in text


@pytest.mark.parametrize(
    ("findings", "sentence"),
    [
        ((), "All is well."),
        ((FINE,), "All is well."),
        ((NOTE,), "All is well; 1 note worth knowing."),
        ((NOTE, FAULT), f"Not all is well: 1 fault; 1 note worth knowing. First: {FAULT.what}"),
        ((FAULT, dataclasses.replace(NOTE, severity="warning")), "Not all is well: 1 fault and 1 warning. First: "),
    ],
)
def test_the_last_sentence(findings: tuple[Finding, ...], sentence: str) -> None:
    assert last_sentence(made(*findings)).startswith(sentence)


def test_json_has_all_of_it() -> None:
    figures = json.loads(json.dumps(as_json(made(FAULT, NOTE))))
    assert [one["severity"] for one in figures["findings"]] == ["fault", "note"]
    assert figures["engines"]["requested"]["engine"] == "auto"
    assert figures["engines"]["would_take"]["tier"] == "selfie-landscape-144x256-fp16"
    assert figures["engines"]["actual"] == {
        "engine": "cpu",
        "tier": "selfie-landscape-144x256-fp16",
        "adapter": None,
        "p50_ms": 5.0,
    }
    assert [one["works"] for one in figures["engines"]["trials"]] == [True, True, False]
    assert figures["profile"]["name"] == "raspberry-pi-5"
    assert figures["board"]["board"]["model"]["value"].startswith("Raspberry Pi 5")
    assert not figures["well"]


def test_equal_findings_are_told_once() -> None:
    assert worst_first([NOTE, FAULT, NOTE]) == [FAULT, NOTE]
