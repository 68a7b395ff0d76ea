"""From one release to another and back, so that at each moment a whole release is there and is the one that starts.

::

    build NEW, seal it         a cut leaves a release without a seal: swept away
    NEW checks itself          on this device, against what OLD scored; refused before anything is changed
    previous -> OLD            its program is what settles after a cut
    trial.json                 from here on, a cut ends with OLD
    current -> NEW             one rename
    restart, watch             a fault: current -> OLD, restart
    history.json, no trial     from here on, a cut ends with NEW
    previous                   after a way back: what it was before; then OLD is waited for
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgeseg.errors import CandidateError, EdgesegError, GoldenError, UsageError, did_you_mean
from edgeseg.install import doing, durable, history, release
from edgeseg.install.checks import runs_as
from edgeseg.install.health import Limits, prove, rates, until_ready, watch
from edgeseg.install.here import Here
from edgeseg.install.history import ASKED, KEPT, REFUSED, ROLLED_BACK, Outcome, Trial
from edgeseg.install.plan import of_release
from edgeseg.install.shipped import CALIBRATE, OF_WEBCAM
from edgeseg.install.steps import MakeRelease
from edgeseg.install.tools import Checked
from edgeseg.install.wheel import Wheel

MOST_LOST = 0.02  # mean IoU that a release may score less than the one before it


def upgrade(
    here: Here, wheel: Wheel, wheelhouse: Path | None, watch_s: float, keep: int, limits: Limits | None = None
) -> Outcome:
    """Install a release beside the one that runs, try it, keep it or go back; what came of it.

    The caller holds the lock. Raises EdgesegError if nothing was tried: not installed, a damaged wheel, pip failed.
    """
    settle(here)
    old = release.current(here.where)
    if old is None:
        raise UsageError("edgeseg is not installed as a service here: sudo edgeseg service install.")
    sealed = release.read_seal(here.where, wheel.version)
    if sealed is not None and sealed.wheel != wheel.sha256:
        raise UsageError(
            f"{wheel.version} is installed already, from another wheel: give the new one another version, or"
            f" edgeseg service releases --remove {wheel.version} first."
        )
    if wheel.version == old:
        return Outcome(here.today(), old, old, KEPT, "it is the release that runs")
    running = release.read_seal(here.where, old)
    if sealed is None:
        MakeRelease(wheel, wheelhouse, bool(running and running.os_packages)).do(here)
    reason = _refusal(here, old, wheel.version)
    if reason:
        return _noted(here, Outcome(here.today(), old, wheel.version, REFUSED, reason))
    outcome = _try(here, old, wheel.version, watch_s, limits or Limits())
    if outcome.result == KEPT:
        release.prune(here.where, keep)
        webcam = any(entry.what.startswith(OF_WEBCAM) for entry in here.manifest.entries)
        if doing.add_new(here, of_release(wheel, webcam)):
            here.systemd.reload()
            here.systemd.devices()
        _measure_again(here, wheel.version)
    return outcome


def roll_back(here: Here, version: str | None, wait_s: float) -> Outcome:
    """Go to the release before, or a named one, because a user wants it. Raises EdgesegError if that cannot be."""
    settle(here)
    old = release.current(here.where)
    before = release.current(here.where, "previous")
    to = version or (before if before != old else None)
    if old is None or to is None:
        others = [one for one in release.versions(here.where) if one != old]
        more = f"; {did_you_mean('', others)}" if others else "."
        raise UsageError(f"There is no release before this one{more}")
    if to == old:
        raise UsageError(f"{to} is the release that runs already.")
    release.verify(here.where, to)
    _must_start(here, to)
    units = here.systemd.running()
    _switch(here, old, to, units)
    outcome = _noted(here, Outcome(here.today(), old, to, ASKED))
    if units:
        prove(here, units, wait_s)
    return outcome


def settle(here: Here, at_boot: bool = False) -> Outcome | None:
    """End what a loss of power (or a kill) left: a trial goes back to its old release, half a release goes away.

    at_boot: nothing runs yet that would have to be started again.
    """
    tried = history.trial(here.where)
    outcome = None
    if tried is not None:
        reason = "the upgrade was interrupted (loss of power?) before it was known to be well"
        outcome = _back(here, replace(tried, units=()) if at_boot else tried, reason)
    release.sweep(here.where)
    return outcome


def _refusal(here: Here, old: str, new: str) -> str | None:
    """Why the new release must not run; nothing was changed yet."""
    try:
        release.verify(here.where, new)
        _must_start(here, new)
        faults = here.tools.config_faults(here.where.release(new))
        if faults:
            return f"it does not take the config: {faults}"
        checked = here.tools.check(here.where.release(new))
        _compare(here, old, checked)
        here.keep_check(checked)
    except (EdgesegError, OSError) as error:
        return str(error)
    return None


def _compare(here: Here, old: str, new: Checked) -> None:
    """Raises GoldenError if a score fell."""
    kept = here.kept_check(old)
    if kept is None or not kept.scores or _candidates(kept) != _candidates(new):
        kept = here.tools.check(here.where.release(old))  # with the tiers that it would take now
    sets = {one.dataset for one in kept.scores}
    if {one.dataset for one in new.scores} != sets:  # another golden set: score the new release on the old one's
        new = here.tools.check(here.where.release(new.version), here.tools.golden(here.where.release(old)))
    before = {one.instance: one for one in kept.scores}
    for one in new.scores:
        was = before.get(one.instance) or kept.scores[0]
        if one.miou < was.miou - MOST_LOST:
            raise GoldenError(
                f"{one.instance}: {one.tier} on {one.engine} scores {one.miou:.1%} here, and {old} scored"
                f" {was.miou:.1%} ({was.tier} on {was.engine}, {one.dataset})"
            )
        here.say(f"{one.instance}: {one.tier} on {one.engine} scores {one.miou:.1%}, before it was {was.miou:.1%}")


def _candidates(checked: Checked) -> set[tuple[str, str, str]]:
    return {(one.instance, one.tier, one.engine) for one in checked.scores}


def _try(here: Here, old: str, new: str, watch_s: float, limits: Limits) -> Outcome:
    units = here.systemd.running()
    before = rates(here, units)
    well = [unit for unit in units if here.systemd.show(unit).active == "active"]  # of others nothing can be learned
    tried = Trial(here.today(), old, new, tuple(units), release.current(here.where, "previous"))
    release.switch(here.where, old, "previous")
    history.begin(here.where, tried)
    try:
        _to(here, new, units)
        here.say(f"{new} runs on trial for {watch_s:g} s")
        reason = watch(here, well, watch_s, before, limits) if well else None
    except (EdgesegError, OSError) as error:
        reason = str(error)
    except BaseException:  # Ctrl-C too ends with a release that is known to be well
        _back(here, tried, "the upgrade was stopped")
        raise
    if reason:
        return _back(here, tried, reason)
    outcome = _noted(here, Outcome(here.today(), old, new, KEPT))
    history.end(here.where)
    return outcome


def _back(here: Here, tried: Trial, reason: str) -> Outcome:
    """To the old release. It is noted before the trial ends, and the trial ends last, so that a cut does it again."""
    current = release.current(here.where)
    last = history.outcomes(here.where)[-1:]
    if last and (last[0].old, last[0].new, last[0].result) == (tried.old, tried.new, KEPT) and current == tried.new:
        history.end(here.where)  # it was kept, and only the end of the trial is missing
        return last[0]
    _to(here, tried.old, list(tried.units))
    outcome = Outcome(here.today(), tried.old, tried.new, ROLLED_BACK, reason)
    _noted(here, outcome)
    history.end(here.where)
    if tried.before in release.versions(here.where):
        release.switch(here.where, tried.before, "previous")
    else:
        durable.remove(here.where.previous)
    if tried.units:
        here.say(f"{tried.old} is put back: {reason}")
        here.say(until_ready(here, tried.units, Limits().start_s))
    return outcome


def _switch(here: Here, old: str, new: str, units: list[str]) -> None:
    release.switch(here.where, old, "previous")
    _to(here, new, units)


def _to(here: Here, version: str, units: list[str]) -> None:
    if release.current(here.where) != version:
        release.switch(here.where, version)
    here.systemd.reload()
    for unit in units:
        here.systemd.restart(unit)


def _must_start(here: Here, version: str) -> None:
    problem = runs_as(here.where.release(version))
    if problem is not None:
        raise CandidateError(problem.sentence)


def _measure_again(here: Here, version: str) -> None:
    """Another runtime makes what was measured worthless; where nothing was, nobody wanted it."""
    checked = here.kept_check(version)
    was_measured = (here.where.state / "ladder.json").exists()
    if (
        was_measured
        and checked is not None
        and not checked.calibrated
        and here.systemd.show(CALIBRATE).load == "loaded"
    ):
        here.say("measuring the tiers again, for the runtime has changed")
        here.systemd.start(CALIBRATE)


def _noted(here: Here, outcome: Outcome) -> Outcome:
    history.note(here.where, outcome)
    return outcome
