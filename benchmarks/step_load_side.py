"""The governed side of the step-load benchmark: the product's own live run, steered from outside or by itself.

    python -m benchmarks.step_load_side --clip CLIP --policy edgeseg|steps|aimd|none [--trace FILE]

It is `edgeseg run --source CLIP --realtime --background blur` with the null sink. "none" stays on the rung that it is
told. It answers each JSON line on stdin by one on stdout:

    {"do": "ready"}                  {"rungs": [{"name", "load_ms", "quality"}, ...]}  once the first frame went out
    {"do": "pin", "rung": NAME}      {"at": s}     once that rung runs
    {"do": "end"}                    {"shown": [s ...], "rungs": [NAME ...], "changes": [[s, NAME, why] ...], ...}

Times are of the system's monotonic clock, so that whoever changes the load can compare them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeseg.build import Settings, build
from edgeseg.clock import SystemClock
from edgeseg.facts import Dropped, Fact, RungChanged, Shown
from edgeseg.governed import Governed, Wish, ladder_of, plan_of
from edgeseg.governor import Decision, Kind, Observation, Policy, Reason, State
from edgeseg.simulation.rivals import Aimd, Steps

FPS = 30.0
BACKGROUND = "blur"


class Record:
    """An Emit that keeps when frames went out, under which rung, and when the rung was to change."""

    def __init__(self) -> None:
        self.shown: list[float] = []
        self.rungs: list[str] = []
        self.masks: list[str] = []
        self.changes: list[tuple[float, str, str]] = []
        self.drops: dict[str, int] = {}
        self.plan_name = lambda: ""

    def __call__(self, fact: Fact) -> None:
        """Note one fact."""
        if isinstance(fact, Shown):
            self.shown.append(time.monotonic())
            self.rungs.append(self.plan_name())
            self.masks.append(fact.mask)
        elif isinstance(fact, RungChanged):
            self.changes.append((time.monotonic(), fact.rung, fact.reason))
        elif isinstance(fact, Dropped):
            self.drops[fact.cause] = self.drops.get(fact.cause, 0) + 1
        else:
            print(time.monotonic(), fact, file=sys.stderr)


class Rival:
    """`decide` for one of the governor's rivals."""

    def __init__(self, kind: type[Steps] | type[Aimd]) -> None:
        self._kind = kind
        self._rival: Steps | Aimd | None = None

    def __call__(self, policy: Policy, state: State, seen: Observation) -> tuple[State, Decision]:
        """The rung it wants, as the governor would say it."""
        if self._rival is None:
            self._rival = self._kind(policy, state.ladder)
        rung = self._rival.act(seen)
        changed = rung.name != state.wanted
        return replace(state, wanted=rung.name), Decision(rung.name, changed, Reason.LOAD, "the rival's own")


def _cpu_s(native_id: int | None) -> float:
    """What a thread of this process has run, in seconds."""
    return int(Path(f"/proc/self/task/{native_id}/schedstat").read_text().split()[0]) / 1e9


def main() -> None:
    """Run until told to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clip", required=True)
    parser.add_argument("--policy", choices=("edgeseg", "steps", "aimd", "none"), required=True)
    parser.add_argument("--trace", type=Path)
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    record = Record()
    settings = Settings(source=options.clip, background=BACKGROUND, sink="null", tier="auto", realtime=True)
    run = build(settings, record)
    runtime = run.runtime
    record.plan_name = lambda: runtime.plan.name
    showing = threading.Thread(target=runtime.run, daemon=True)
    showing.start()
    ladder, measured = ladder_of(settings, FPS)
    rungs = {rung.name: rung for rung in ladder}
    governed: Governed | None = None
    if options.policy != "none":
        rival = {"steps": Steps, "aimd": Aimd}.get(options.policy)
        decide = Rival(rival) if rival else None
        wish = Wish(trace=options.trace)
        governed = Governed(run, settings, wish, SystemClock(), record, decide)

    def answer(said: dict[str, Any]) -> None:
        print(json.dumps(said), file=answers, flush=True)

    for line in sys.stdin:
        asked = json.loads(line)
        if asked["do"] == "ready":
            while not record.shown and showing.is_alive():
                time.sleep(0.01)
            normal = [rung for rung in ladder if rung.kind is Kind.NORMAL]
            answer(
                {"rungs": [{"name": r.name, "load_ms": r.load_ms(), "quality": r.quality} for r in normal]}
                if showing.is_alive()
                else {"error": "the run ended before its first frame"}
            )
        elif asked["do"] == "pin":
            rung = rungs[asked["rung"]]
            plan = plan_of(rung, measured[rung.candidate], settings, runtime, SystemClock(), record)
            runtime.switch(plan)
            while runtime.plan is not plan:
                time.sleep(0.005)
            answer({"at": time.monotonic()})
        else:
            threads = {thread.name: _cpu_s(thread.native_id) for thread in threading.enumerate() if thread.native_id}
            cpu_s = sum(threads.get(name, 0.0) for name in ("edgeseg-governor", "sensors"))
            if governed is not None:
                governed.close()
            runtime.stop()
            showing.join(5)
            answer(
                {
                    "shown": record.shown,
                    "rungs": record.rungs,
                    "masks": record.masks,
                    "changes": record.changes,
                    "drops": record.drops,
                    "governor_cpu_s": cpu_s,
                    "stages": runtime.times.table(),
                }
            )
            return


if __name__ == "__main__":
    main()
