"""Requested against actual: of each engine that is asked for and each accelerator that is here, what came of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from edgeseg.doctor.asked import Asked
from edgeseg.doctor.choice import Taken
from edgeseg.doctor.finding import Finding, Severity
from edgeseg.doctor.trial import Trial
from edgeseg.ports import EngineReport
from edgeseg.probe.capabilities import Accelerator, Capabilities

# Where the way out begins in an engine's sentence of refusal.
_WAY_OUT = re.compile(
    r"[;:] (?:it had not started: )?(?=(?:install|choose|add the|pip install|put|name|plug|free|see|run|make|take) )"
)
_TRIED = "tried just now"
_ON_THE_BOARD = {
    "": "Run edgeseg doctor on the board itself.",
    "edgetpu": "On the board install libedgetpu1-std, make a tier for it (docs/edgetpu.md), and run edgeseg doctor.",
}


def check(found: Capabilities, asked: Asked, taken: Taken, trials: list[Trial]) -> list[Finding]:
    """All of it; of a saved board, where nothing was tried, what is known of its hardware."""
    findings = [*_unused_hardware(found.accelerators)]
    serves = serving(taken, trials)
    for trial in trials:
        here = [one for one in found.accelerators if one.engine == trial.engine]
        is_taken = taken.candidate is not None and taken.candidate.engine == trial.engine
        instead = " The CPU serves in its place." if is_taken and serves is not None and serves != trial else ""
        findings += _of_trial(trial, here, asked.is_users(trial.engine) or is_taken, instead, trials)
    return [*findings, *_instead(asked, taken, trials)]


def serving(taken: Taken, trials: Iterable[Trial]) -> Trial | None:
    """The trial of the engine that serves in the end: the CPU stands in for one that does not work.

    None if nothing works, or nothing was tried.
    """
    works = {one.engine: one for one in trials if one.works}
    if taken.candidate is None:
        return None
    return works.get(taken.candidate.engine) or works.get("cpu")


def parted(sentence: str) -> tuple[str, str | None]:
    """(what is wrong, what to do about it) of a refusal, each a sentence."""
    found = _WAY_OUT.search(sentence)
    if found is None:
        return sentence, None
    what, remedy = sentence[: found.start()], sentence[found.end() :]
    is_command = remedy.startswith("pip ")
    return f"{what}.", remedy if is_command else remedy[:1].upper() + remedy[1:]


def _unused_hardware(accelerators: Iterable[Accelerator]) -> Iterator[Finding]:
    for one in accelerators:
        where = ", ".join(one.where)
        if one.engine is None and one.kind in ("npu", "gpu") and one.remark:
            what = f"The {one.name} is not used: it {one.remark}."
            yield Finding("note", "engines", what, where, "None with edgeseg: the CPU serves in its place.")
        if one.kind == "edgetpu" and one.bus == "pcie" and not one.nodes:
            remedy = (
                "Install Google's gasket driver (gasket-dkms); a Raspberry Pi 5 wants the kernel with 4 kB pages for it"
                " (kernel=kernel8.img in config.txt)."
            )
            yield Finding("warning", "engines", f"The {one.name} has no /dev/apex_0: no driver has it.", where, remedy)


def _of_trial(
    trial: Trial, here: list[Accelerator], wanted: bool, instead: str, trials: list[Trial]
) -> Iterator[Finding]:
    """instead: a sentence about who serves in its place, if a run would take it."""
    name = trial.engine
    if trial.skipped is not None:
        for one in here:
            remark = f" It {one.remark}." if one.remark else ""
            what = f"The {one.name} is here; whether the engine {name} works: {trial.skipped}.{remark}"
            yield Finding("note", "engines", what, ", ".join(one.where), _ON_THE_BOARD.get(name, _ON_THE_BOARD[""]))
        return
    by = f" ({trial.asked_by})" if trial.asked_by else ""
    if trial.refusal is not None:
        what, remedy = parted(trial.refusal)
        who = f"The {here[0].name} is here and is not used" if here else f"The engine {name} does not run"
        if wanted:
            who = f"The engine {name} is {f'asked for{by}' if trial.asked_by else 'what a run takes'} and does not run"
        severity: Severity = "fault" if wanted or name == "cpu" else "warning"
        if wanted or here or name == "cpu":
            yield Finding(severity, "engines", f"{who}: {what}{instead}", _TRIED, remedy)
        return
    report = trial.report
    if report is None:
        return
    if not trial.knows:
        what = f"The engine {name} runs and answers wrongly: it does not find the person in the known picture."
        yield Finding(
            "fault", "engines", what, _TRIED, "Take another engine or tier, or another version of its library."
        )
        return
    on = f", {report.adapter}" if report.adapter else ""
    if report.software:
        what = f"The engine {name} runs on {report.adapter}, which is the CPU in disguise."
        yield Finding(
            "warning", "engines", what, next(iter(report.evidence), _TRIED), "Install the real device's driver."
        )
    yield from _left_over(trial, report, on)
    cpu = next((one for one in trials if one.engine == "cpu" and one.works), None)
    if name != "cpu" and cpu is not None and cpu.p50_ms and trial.p50_ms and cpu.tier == trial.tier:
        if trial.p50_ms > cpu.p50_ms:
            what = f"The engine {name}{on} is slower than the CPU here: {trial.p50_ms:.1f} ms against {cpu.p50_ms:.1f}."
            yield Finding("warning" if wanted else "note", "engines", what, _TRIED, "Choose --engine cpu.")
        else:
            what = f"The engine {name}{on} works: {trial.p50_ms:.1f} ms an inference, the CPU {cpu.p50_ms:.1f}."
            yield Finding("fine", "engines", what, _TRIED)
    elif name != "cpu":
        yield Finding("fine", "engines", f"The engine {name}{on} works.", _TRIED)


def _left_over(trial: Trial, report: EngineReport, on: str) -> Iterator[Finding]:
    """Operations that nobody took whose kernels are fast."""
    rest = report.all_nodes - report.delegated_nodes
    if not rest:
        return
    if report.engine == "cpu" and report.delegate is None:
        what = f"XNNPACK's fast kernels serve none of the {rest} operations of {trial.tier}, several times slower."
        remedy = "LiteRT asks /proc what the processor can do: see that it is there; tflite-runtime has none for INT8."
    else:
        what = (
            f"On {trial.engine}{on}, {rest} of {report.all_nodes} operations of {trial.tier} stay on plain CPU kernels."
        )
        remedy = "Take another tier; edgeseg bench --per-op shows which operations they are."
    yield Finding("warning", "engines", what, report.library, remedy)


def _instead(asked: Asked, taken: Taken, trials: list[Trial]) -> Iterator[Finding]:
    """What serves in the end, if it is not what was asked for, or an accelerator works and is left out."""
    if taken.candidate is None or not any(one.skipped is None for one in trials):
        return
    serves = serving(taken, trials)
    if serves is None:
        what = "No engine works here, so that edgeseg cannot cut out anybody."
        yield Finding("fault", "engines", what, _TRIED, "See the engines' own faults; --background none needs none.")
        return
    for one in trials:
        faster = one.works and one.p50_ms is not None and serves.p50_ms is not None and one.p50_ms < serves.p50_ms
        if one.engine != serves.engine and faster and asked.engine_by is None:
            what = (
                f"The engine {one.engine} works and is faster than {serves.engine}, which a run takes: {taken.reason}."
            )
            remedy = f"Run edgeseg calibrate, which measures both; or name it: --engine {one.engine}."
            yield Finding("warning", "engines", what, _TRIED, remedy)
