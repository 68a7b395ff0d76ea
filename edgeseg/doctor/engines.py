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
        is_named = asked.engine_by is not None and trial.engine == asked.settings.engine
        findings += _of_trial(trial, here, is_named or is_taken, instead, trials)
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
    """here: its hardware. instead: a sentence about who serves in its place, if a run would take it."""
    if trial.skipped is not None:
        yield from (_not_tried(trial, one, trial.skipped) for one in here)
    elif trial.refusal is not None:
        yield _refused(trial, trial.refusal, here, wanted, instead)
    elif trial.report is not None and not trial.knows:
        what = f"The engine {trial.engine} runs and answers wrongly: it does not find the person in the known picture."
        remedy = "Take another engine or tier, or another version of its library."
        yield Finding("fault", "engines", f"{what}{instead}", _with(trial), remedy)
    elif trial.report is not None:
        yield from _worked(trial, trial.report, wanted, trials)


def _with(trial: Trial) -> str:
    return f"{_TRIED} with {trial.tier}" if trial.tier else _TRIED


def _not_tried(trial: Trial, one: Accelerator, why: str) -> Finding:
    remark = f" It {one.remark}." if one.remark else ""
    what = f"The {one.name} is here; whether the engine {trial.engine} works: {why}.{remark}"
    remedy = _ON_THE_BOARD.get(trial.engine, _ON_THE_BOARD[""])
    return Finding("note", "engines", what, ", ".join(one.where), remedy)


def _refused(trial: Trial, refusal: str, here: list[Accelerator], wanted: bool, instead: str) -> Finding:
    what, remedy = parted(refusal)
    if wanted:
        asked = f"asked for ({trial.asked_by})" if trial.asked_by else "what a run takes"
        who = f"The engine {trial.engine} is {asked} and does not run"
    elif here:
        who = f"The {here[0].name} is here and is not used"
    else:
        who = f"The engine {trial.engine} does not run"
    severity: Severity = "fault" if wanted or trial.engine == "cpu" else "warning" if here else "note"
    return Finding(severity, "engines", f"{who}: {what}{instead}", _with(trial), remedy)


def _worked(trial: Trial, report: EngineReport, wanted: bool, trials: list[Trial]) -> Iterator[Finding]:
    """Where it computes, how much of the model, and how fast beside the CPU."""
    name, on = trial.engine, f", {report.adapter}" if report.adapter else ""
    if report.software:
        what = f"The engine {name} runs on {report.adapter}, which is the CPU in disguise."
        seen = next(iter(report.evidence), _TRIED)
        yield Finding("warning", "engines", what, seen, "Install the real device's driver.")
    yield from _left_over(trial, report, on)
    if name == "cpu":
        return
    cpu = next((one for one in trials if one.engine == "cpu" and one.works and one.tier == trial.tier), None)
    if cpu is None or not cpu.p50_ms or not trial.p50_ms:
        yield Finding("fine", "engines", f"The engine {name}{on} works.", _with(trial))
    elif trial.p50_ms > cpu.p50_ms:
        what = f"The engine {name}{on} is slower than the CPU here: {trial.p50_ms:.1f} ms against {cpu.p50_ms:.1f}."
        yield Finding("warning" if wanted else "note", "engines", what, _with(trial), "Choose --engine cpu.")
    else:
        what = f"The engine {name}{on} works: {trial.p50_ms:.1f} ms an inference, the CPU {cpu.p50_ms:.1f}."
        yield Finding("fine", "engines", what, _with(trial))


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
