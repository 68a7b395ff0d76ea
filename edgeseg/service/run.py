"""One instance as a service: as `edgeseg run` makes it of config files, kept by the keeper."""

from __future__ import annotations

import os
from collections.abc import Callable, MutableMapping
from contextlib import closing, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from edgeseg.build import Outlet as MakeOutlet
from edgeseg.build import Run, beside, build
from edgeseg.clock import Clock, SystemClock
from edgeseg.config.files import check_instance
from edgeseg.config.secrets import hidden
from edgeseg.errors import EdgesegError, SourceError
from edgeseg.facts import Emit, Fact
from edgeseg.governed import Wish
from edgeseg.ports import FrameSink
from edgeseg.sensors.sampler import Sampler
from edgeseg.sensors.system import SystemSensors
from edgeseg.service.beside import Beside, Besides
from edgeseg.service.governing import Governing
from edgeseg.service.journal import ERROR, INFO, WARNING, Entry, Journal
from edgeseg.service.keeper import Keeper, Kept
from edgeseg.service.loading import Loaded, load
from edgeseg.service.lock import alone, runtime_folder
from edgeseg.service.notify import Notifier
from edgeseg.service.outlet import Outlet
from edgeseg.service.reload import Reloader
from edgeseg.service.signals import Signals
from edgeseg.service.vitals import Vitals
from edgeseg.stopping import Stopped

Build = Callable[[Loaded, Emit, Clock, MakeOutlet], Run]


def run_service(
    instance: str,
    environ: MutableMapping[str, str] = os.environ,
    *,
    root: Path = Path("/"),
    loads: Callable[[], Loaded] | None = None,
    builds: Build | None = None,
    besides: Besides | None = None,
    end: Callable[[int], object] = os._exit,
) -> None:
    """Run until a signal ends it, or the source does that is no camera. From the main thread.

    besides: makes what goes on beside the run. loads, builds, end: the files, the devices and the process's end, for
    tests.

    Raises UsageError for a name that none can have or a wrong config, NotPermitted if the instance runs already, and
    whatever ends a run; the journal and systemd have been told of it then.
    """
    check_instance(instance)
    clock = SystemClock()
    notifier, journal = Notifier.of(environ), Journal.of(instance, environ)
    vitals = Vitals(clock.now())
    files = loads or partial(load, instance)
    try:
        with alone(instance, runtime_folder(instance, environ, root)) as restarts, Signals() as signals:
            if restarts:
                text = f"the process before this one did not end in good order; restarts so far: {restarts}"
                journal.write(Entry(WARNING, text, {"FACT": "restarted", "RESTARTS": restarts}))
            keeper = Keeper(notifier, journal, vitals, signals, clock, end, restarts)
            keeper.start()
            try:
                with closing(besides(instance, files)) if besides is not None else nullcontext() as aside:
                    whole = aside.load if aside is not None else files
                    _run(aside, instance, keeper, signals, vitals, journal, clock, whole, builds or _build)
            except Stopped:
                journal.write(Entry(INFO, "stopped before the first frame", {"FACT": "stopped"}))
            finally:
                signals.interrupts = False
                keeper.close()
    except EdgesegError as error:
        notifier.send(STATUS=f"failed: {hidden(str(error).splitlines()[0])}")
        for text in str(error).splitlines():
            fields = {"FACT": "failed", "CAUSE": type(error).__name__, "EXIT_CODE": error.exit_code}
            if journal.is_there:  # on stderr the command says it
                journal.write(Entry(ERROR, f"failed: {text}", fields))
        raise


def _build(loaded: Loaded, emit: Emit, clock: Clock, outlet: MakeOutlet) -> Run:
    settings = replace(loaded.settings, sink=beside(loaded.settings.sink))  # what was recorded before stays
    return build(settings, emit, clock, outlet)


def _run(
    aside: Beside | None,
    instance: str,
    keeper: Keeper,
    signals: Signals,
    vitals: Vitals,
    journal: Journal,
    clock: Clock,
    loads: Callable[[], Loaded],
    builds: Build,
) -> None:
    def emit(fact: Fact) -> None:
        if aside is not None:
            aside.emit(fact)
        was_safe, now = vitals.safe, clock.now()
        vitals.take(fact, now)
        if vitals.safe is not was_safe:
            signals.wake()  # systemd waits for it
        journal.take(fact, now)

    outlets: list[Outlet] = []

    def outlet(sink: FrameSink, reopen: Callable[[], FrameSink]) -> FrameSink:
        outlets.append(Outlet(sink, clock.now, emit, reopen))
        return aside.tapped(outlets[-1]) if aside is not None else outlets[-1]

    if aside is not None:
        aside.begin(emit)
    loaded = loads()
    made = builds(loaded, emit, clock, outlet)
    sampler = Sampler(lambda: SystemSensors(clock=clock, emit=emit), clock=clock, emit=emit)
    wish = Wish(instance=instance, is_asked=False)
    governing = Governing(made, aside.wish(wish) if aside is not None else wish, sampler, clock, emit)
    unit = f"edgeseg@{instance}"
    reloader = Reloader(made, outlets[0], loaded, loads, governing, clock, emit, f"sudo systemctl restart {unit}")
    try:
        signals.interrupts = False
        keeper.takes(Kept(made, outlets[0], reloader, lambda: sampler.newest().temp_c))
        if aside is not None:
            aside.attach(made, reloader, governing, sampler.newest)
        governing.start(loaded.settings, loaded.policy[0])
        made.runtime.run()
        if made.source.info.live and keeper.stopped_s is None and loaded.settings.frames is None:
            raise SourceError(f"{made.source.info.detail} gives no more frames.")
    finally:
        governing.close()
        made.pipeline.close()
        sampler.stop(0.2)
