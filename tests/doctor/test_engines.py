"""Requested against actual: what is said of engines that work, are refused, pretend, or are slower than the CPU."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from made import asked, board, refused, report, taken, told, with_accelerator, works

from edgeseg.doctor import choice, engines
from edgeseg.doctor.asked import Asked
from edgeseg.doctor.choice import Taken
from edgeseg.doctor.engines import parted, serving
from edgeseg.doctor.trial import Trial
from edgeseg.probe import Capabilities
from edgeseg.tiers.ladder import Choice, Rung
from tests.tiers.ladders import measured

NO_VULKAN = "The gpu engine needs Vulkan's loader; install it (Debian: libvulkan1), or choose --engine cpu."
SILENT = (
    "LiteRT fell back to the CPU in silence, although LiteRT calls it fully accelerated: Vendor took none of the"
    " model's operations: it does not know the operation CUSTOM; choose another tier or --engine cpu."
)
GPU = with_accelerator("gpu")
CASES: dict[str, tuple[Capabilities, Asked, Taken, list[Trial], list[str]]] = {
    "the CPU alone": (board(), asked(), taken(), [works()], []),
    "asked for and refused": (
        board(),
        asked("gpu"),
        taken("gpu"),
        [works(), refused("gpu", NO_VULKAN, asked_by="--engine")],
        [
            "fault: The engine gpu is asked for (--engine) and does not run: The gpu engine needs Vulkan's loader."
            " The CPU serves in its place."
        ],
    ),
    "measured and taken, and refused now": (
        board(),
        asked(),
        taken("gpu"),
        [works(), refused("gpu", NO_VULKAN)],
        ["fault: The engine gpu is what a run takes and does not run: The gpu engine needs"],
    ),
    "here and refused": (
        GPU,
        asked(),
        taken(),
        [works(), refused("gpu", NO_VULKAN)],
        ["warning: The Wonder 9 is here and is not used: The gpu engine needs Vulkan's loader."],
    ),
    "neither here nor asked for": (
        board(),
        asked(),
        taken(),
        [works(), refused("gpu", NO_VULKAN)],
        ["note: The engine gpu does not run: The gpu engine needs Vulkan's loader."],
    ),
    "a silent fall-back": (
        with_accelerator("npu", "npu"),
        asked("npu"),
        taken("npu"),
        [works(), refused("npu", SILENT)],
        ["fault: The engine npu is what a run takes and does not run: LiteRT fell back to the CPU in silence, al"],
    ),
    "software": (
        board(),
        asked("gpu"),
        taken("gpu"),
        [works(ms=2), works("gpu", 90, report=report("gpu", adapter="llvmpipe", software=True))],
        [
            "warning: The engine gpu runs on llvmpipe, which is the CPU in disguise.",
            "warning: The engine gpu, llvmpipe is slower than the CPU here: 90.0 ms against 2.0.",
        ],
    ),
    "part of it": (
        board(),
        asked(),
        taken(),
        [works(report=dataclasses.replace(report(), delegated_nodes=7))],
        ["warning: On cpu, 3 of 10 operations of selfie-landscape-144x256-fp16 stay on plain CPU kernels."],
    ),
    "no XNNPACK": (
        board(),
        asked(),
        taken(),
        [works(report=dataclasses.replace(report(), delegate=None, delegated_nodes=0))],
        ["warning: XNNPACK's fast kernels serve none of the 10 operations"],
    ),
    "wrong answers": (
        GPU,
        asked(),
        taken(),
        [works(), works("gpu", 1, knows=False)],
        ["fault: The engine gpu runs and answers wrongly"],
    ),
    "slower, and left out": (
        GPU,
        asked(),
        taken(),
        [works(ms=2), works("gpu", 9)],
        ["note: The engine gpu is slower than the CPU here: 9.0 ms against 2.0."],
    ),
    "faster, and left out": (
        GPU,
        asked(),
        taken(),
        [works(ms=9), works("gpu", 2)],
        [
            "fine: The engine gpu works: 2.0 ms an inference, the CPU 9.0.",
            "warning: The engine gpu works and is faster than cpu, which a run takes: not calibrated.",
        ],
    ),
    "nothing works": (
        board(),
        asked(),
        taken(),
        [refused("cpu", "No runtime.")],
        ["fault: The engine cpu is what a run takes and does not run: No runtime.", "fault: No engine works here"],
    ),
    "a Hailo": (
        with_accelerator(None, "npu"),
        asked(),
        taken(),
        [works()],
        ["note: The Wonder 9 is not used: it needs a friend."],
    ),
    "a Coral without a driver": (
        with_accelerator("edgetpu", "edgetpu", nodes=()),
        asked(),
        taken(),
        [works()],
        ["warning: The Wonder 9 has no /dev/apex_0: no driver has it."],
    ),
    "a saved board": (
        GPU,
        asked(),
        taken(is_known=False),
        [Trial("cpu", skipped="so it is"), Trial("gpu", skipped="so it is")],
        ["note: The Wonder 9 is here; whether the engine gpu works: so it is. It needs a friend."],
    ),
}


@pytest.mark.parametrize(("found", "wish", "run", "trials", "said"), CASES.values(), ids=CASES)
def test_what_came_of_each_engine(
    found: Capabilities, wish: Asked, run: Taken, trials: list[Trial], said: list[str]
) -> None:
    findings = engines.check(found, wish, run, trials)
    assert [line[: len(start)] for line, start in zip(told(findings), said, strict=True)] == said
    assert all(one.where for one in findings)
    assert all(one.remedy for one in findings if one.severity not in ("fine", "fault"))


def test_who_serves_in_the_end() -> None:
    cpu, gpu, broken = works(), works("gpu"), refused("gpu", "No.")
    assert serving(taken("gpu"), [cpu, gpu]) == gpu
    assert serving(taken("gpu"), [cpu, broken]) == cpu
    assert serving(taken("gpu"), [cpu, works("gpu", knows=False)]) == cpu
    assert serving(taken("gpu"), [broken]) is None
    assert serving(Taken(None, "a key"), [cpu]) is None


@pytest.mark.parametrize(
    ("sentence", "what", "remedy"),
    [
        (
            NO_VULKAN,
            "The gpu engine needs Vulkan's loader.",
            "Install it (Debian: libvulkan1), or choose --engine cpu.",
        ),
        ("It died; it had not started: choose another --engine.", "It died.", "Choose another --engine."),
        ("OpenVINO is missing; pip install 'it'.", "OpenVINO is missing.", "pip install 'it'."),
        ("It may not be opened: add the user to it.", "It may not be opened.", "Add the user to it."),
        ("Nobody knows why.", "Nobody knows why.", None),
    ],
)
def test_a_refusal_is_parted_from_its_way_out(sentence: str, what: str, remedy: str | None) -> None:
    assert parted(sentence) == (what, remedy)


def ladder_choice(fits: bool, **more: Any) -> Choice:
    one = measured(**more)
    return Choice(Rung(one, 0.9), "50.0 ms of 26.7 ms a frame for 30 fps", fits)


CHOICES: dict[str, tuple[Taken, Asked, list[Trial], list[str]]] = {
    "not calibrated": (taken(), asked(), [works()], ["note: This device is not calibrated, so that selfie-landscape"]),
    "a corrupt ladder": (
        taken(not_kept=("The kept ladder is no JSON: it does not count.",)),
        asked(),
        [works()],
        ["warning: The kept ladder is no JSON: it does not count."],
    ),
    "named": (taken(), asked(tier="selfie-288x288-fp16"), [works()], []),
    "no file": (
        taken(has_file=False),
        asked(tier="selfie-288x288-fp16"),
        [],
        ["fault: The tier selfie-landscape-144x256-fp16 is not installed: its file is in no folder of models."],
    ),
    "calibrated": (taken(choice=ladder_choice(True)), asked(), [], ["fine: A run takes selfie-landscape"]),
    "out of reach": (
        taken(choice=ladder_choice(False)),
        asked(),
        [],
        ["fine: A run takes selfie-landscape", "warning: The target of 30 fps is not reached"],
    ),
    "too slow": (
        taken(),
        asked(tier="selfie-288x288-fp16"),
        [works(ms=200)],
        ["warning: selfie-landscape-144x256-fp16 on cpu takes 200.0 ms an inference, and 30 fps leave 26.7 ms"],
    ),
    "a saved board": (taken(is_known=False), asked(), [], []),
    "a key": (Taken(None, "a key"), asked(), [], []),
}


@pytest.mark.parametrize(("run", "wish", "trials", "said"), CHOICES.values(), ids=CHOICES)
def test_what_a_run_takes_and_why(run: Taken, wish: Asked, trials: list[Trial], said: list[str]) -> None:
    lines = told(choice.check(run, wish, trials))
    assert [line[: len(start)] for line, start in zip(lines, said, strict=True)] == said


def test_the_way_out_of_too_slow_is_an_engine_that_is_fast() -> None:
    (one,) = choice.check(taken("gpu"), asked("gpu", "selfie-288x288-fp16"), [works(), works("gpu", 200)])
    assert one.remedy == "Choose --engine cpu, which is fast enough."
