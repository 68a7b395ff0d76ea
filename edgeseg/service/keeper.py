"""The thread that keeps the service: signals, READY, STATUS, the watchdog, and the end in time.

It does nothing that waits for a device, so that it can always say how things are.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import NamedTuple

from edgeseg.build import Run
from edgeseg.clock import Clock
from edgeseg.errors import EdgesegError, one_line
from edgeseg.service.journal import ERROR, NOTICE, WARNING, Entry, Journal
from edgeseg.service.notify import Notifier
from edgeseg.service.outlet import Outlet
from edgeseg.service.reload import Reloader
from edgeseg.service.signals import ENDS, RELOAD, Signals
from edgeseg.service.status import Now, Rate, line
from edgeseg.service.vitals import Vitals

TICK_S, ENDING_TICK_S = 1.0, 0.02
END_S = 1.8  # from the signal to the end of the process, at most
_EXTEND_S = 15.0
BUILD_S = 180.0  # a start that takes longer hangs


class Kept(NamedTuple):
    """A run that goes on. temp_c: what the sensors say."""

    run: Run
    outlet: Outlet
    reloader: Reloader
    temp_c: Callable[[], float | None]


class Keeper:
    """Watches over one instance from `start` to `close`.

    end: leaves the process at once, with an exit code. restarts: how often the process had to be started again.
    """

    def __init__(
        self,
        notifier: Notifier,
        journal: Journal,
        vitals: Vitals,
        signals: Signals,
        clock: Clock,
        end: Callable[[int], object] = os._exit,
        restarts: int = 0,
    ) -> None:
        self._notifier, self._journal, self._vitals = notifier, journal, vitals
        self._signals, self._clock, self._end = signals, clock, end
        self._restarts = restarts
        self._kept: Kept | None = None
        self._rate = Rate()
        self._status = ""
        self._trouble: str | None = None  # why the newest config is not the one that runs
        self._ready = self._reload_wanted = False
        self._reload: threading.Thread | None = None
        self._began_s = clock.now()
        self.stopped_s: float | None = None  # when a signal said so
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="edgeseg-keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def takes(self, kept: Kept) -> None:
        """From here on it is this run that is watched."""
        self._kept = kept
        if self.stopped_s is not None:  # between the building of the run and this line
            kept.run.runtime.stop()

    def close(self) -> None:
        """Watch no more."""
        self._closed.set()
        self._signals.wake()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        while not self._closed.is_set():
            tick_s = min(TICK_S, (self._notifier.watchdog_s or TICK_S * 4) / 4)
            for number in self._signals.wait(tick_s if self.stopped_s is None else ENDING_TICK_S):
                if number in ENDS:
                    self._stop()
                elif number == RELOAD:
                    self._reload_wanted = True
            if self.stopped_s is not None:
                self._end_in_time()
            elif not self._closed.is_set():
                self._tick(self._clock.now())

    def _stop(self) -> None:
        if self.stopped_s is not None:
            return
        self.stopped_s = self._clock.now()
        self._notifier.send(STOPPING=1, STATUS="closing")
        if self._kept is not None:
            self._kept.run.runtime.stop()

    def _end_in_time(self) -> None:
        if self.stopped_s is None or self._clock.now() - self.stopped_s < END_S:
            return
        is_whole = self._kept is None or self._kept.outlet.closed
        if not is_whole:
            text = f"The sink was not closed within {END_S:g} s, and is left as it is."
            self._journal.write(Entry(ERROR, text, {"FACT": "not_closed"}))
        self._end(0 if is_whole else 7)

    def _tick(self, now: float) -> None:
        kept = self._kept
        if kept is None:
            if now - self._began_s < BUILD_S:
                self._notifier.extend(_EXTEND_S, "starting")
            return
        status = self._line(kept, now)
        if not self._ready:
            self._begin(status, now)
        elif status != self._status:
            self._notifier.send(STATUS=status)
        self._status = status
        if self._reload_wanted and self._ready and (self._reload is None or not self._reload.is_alive()):
            self._reload_wanted = False
            self._reload = threading.Thread(target=self._reload_now, args=(kept,), name="edgeseg-reload", daemon=True)
            self._reload.start()
        source = kept.run.source.info
        fps = float(source.fps) if source.fps else None
        if self._ready and self._vitals.is_well(now, kept.outlet.written_at, fps):
            self._notifier.send(WATCHDOG=1)

    def _begin(self, status: str, now: float) -> None:
        if self._vitals.is_ready(now):
            self._ready = True
            self._notifier.ready(status)
            after_s = now - self._began_s
            fields = {"FACT": "ready", "AFTER_S": f"{after_s:.2f}"}
            self._journal.write(Entry(NOTICE, f"ready after {after_s:.1f} s: {status}", fields))
        elif now - self._began_s < BUILD_S:
            self._notifier.extend(_EXTEND_S, f"starting: {status}")

    def _reload_now(self, kept: Kept) -> None:
        self._notifier.reloading()
        self._vitals.moved(self._clock.now())
        try:
            what = kept.reloader.reload()
        except EdgesegError as error:
            self._refused(str(error))
        except Exception as error:  # noqa: BLE001 - a bug here must not end what people see
            self._refused(f"a bug: {type(error).__name__}: {error}")
        else:
            self._trouble = None
            self._journal.write(Entry(NOTICE, f"reloaded: {what} changed", {"FACT": "reloaded", "WHAT": what}))
        self._vitals.moved(self._clock.now())
        self._status = self._line(kept, self._clock.now())
        self._notifier.ready(self._status)

    def _refused(self, why: str) -> None:
        first, *more = why.splitlines() or [""]
        count = f" (and {len(more)} more)" if more else ""
        self._trouble = f"new config refused, the old one goes on: {one_line(first)}{count}"
        for fault in (first, *more):
            text = f"config refused: {fault}"
            self._journal.write(Entry(WARNING, text, {"FACT": "config_refused", "DETAIL": fault}))

    def _line(self, kept: Kept, now: float) -> str:
        run, runtime = kept.run, kept.run.runtime
        if runtime.idle:
            self._rate.forget()
        fps = None if runtime.idle else self._rate(now, runtime.shown)
        engine = run.pipeline.engine
        plan = runtime.plan
        tier, on, _ = plan.name.partition(" on ")
        return line(
            Now(
                fps=fps,
                idle=runtime.idle,
                tier=tier if on else run.tier,
                engine=engine.report.engine if engine is not None else None,
                rung=plan.name,
                temp_c=kept.temp_c(),
                degraded=self._vitals.degraded,
                restarts=self._restarts,
                trouble=self._trouble,
            )
        )
