"""One session: candidates are started, proved, scored and timed until there is no more of them, or no more time.

Times of different minutes cannot be compared on a machine that does other things, so each candidate takes turns with
one reference, and its time is its ratio to that. Those that are near to each other then take turns all together, again
and again and loaded anew each time: where its memory lies makes a model some hundredths faster or slower, and what else
runs comes and goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from edgeseg.calibrate.steps import Outcome, Start, Starts, Step
from edgeseg.calibrate.turns import RUNS, Timed, Times, percentile, rounds
from edgeseg.clock import Clock
from edgeseg.errors import EdgesegError
from edgeseg.tiers.catalogue import DEFAULT_TIER, Tier
from edgeseg.tiers.ladder import Candidate, Measured, Refusal, ladder_of
from edgeseg.tiers.selection import Allowed, finalists, most_promising, refusal_by_score

FIRST_LOOK = 0.7  # of the time: the rest is for a closer look at those that are near to each other
_TOGETHER = 8  # candidates in memory at a time
_QUIETEST = 10  # percentile of the reference over a session: what the board does when nothing else runs
_PASSES, _ROUNDS = 6, 8  # of closer looks, and of turns in each
_TRIES = 3  # tiers that an engine may fail to start before it is given up


class Session:
    """Measures candidates. start: starts one. known: what was measured before, held to `reference_ms`."""

    def __init__(
        self,
        tiers: Mapping[str, Tier],
        allowed: Allowed,
        start: Start,
        clock: Clock,
        time_s: float,
        told: Callable[[Step], None],
        known: Sequence[Measured] = (),
        reference_ms: float | None = None,
    ) -> None:
        self._tiers, self._allowed, self._start, self._clock = tiers, allowed, start, clock
        self._time_s, self._told, self._known = time_s, told, list(known)
        self._fixed_ms = reference_ms if known else None
        self._reference: Starts | None = None
        self._reference_s: list[float] = []
        self._times: dict[Candidate, Times] = {}
        self._failed: Counter[str] = Counter()  # starts, by engine
        self._failures: dict[str, str] = {}
        self._worked: set[str] = set()
        self._begin = 0.0
        self._out = Outcome(reference_ms or 0.0)

    def run(self, candidates: Sequence[Candidate]) -> Outcome:
        """Measure them, most promising first. Ctrl-C ends it early with what there is."""
        out = self._out
        out.left = list(candidates)
        self._begin = self._clock.now()
        try:
            # Engines that do not start may take all of the time, and one candidate must be found.
            while out.left and (self._seconds() < self._time_s * FIRST_LOOK or not out.measured):
                known = self._known + out.measured
                candidate = most_promising(out.left, self._tiers, known, self._allowed)
                self._tell(str(candidate))
                self._first_look(candidate)
                out.left.remove(candidate)
            if out.measured:
                self._closer_look()
        except KeyboardInterrupt:
            out.interrupted = True
        finally:
            if self._reference is not None:
                self._reference.close()
        if out.measured:
            self._hold_to_reference()
        return out

    def _first_look(self, candidate: Candidate) -> None:
        """Start, prove, score and time one; what is wrong with it becomes its refusal."""
        tier = self._tiers[candidate.tier]
        engine = candidate.engine
        if self._failed[engine] >= _TRIES and engine not in self._worked:
            last = self._failures[engine]
            self._refuse(candidate, f"the engine {engine} started with none of {_TRIES} tiers, the last time: {last}")
            return
        try:
            with self._started(candidate) as line:
                self._worked.add(engine)
                limit = self._allowed.memory_mb
                if limit is not None and line.memory_mb > limit:
                    self._refuse(candidate, f"it takes {line.memory_mb:.0f} MB, and {limit:.0f} are allowed")
                    return
                score = round(line.score(), 4)
                expected = tier.golden.get("small", score)
                reason = refusal_by_score(score, expected)
                if reason is not None:
                    self._refuse(candidate, reason)
                    return
                self._times[candidate] = self._time(candidate, line)
                self._add(candidate, line, score, expected)
        except EdgesegError as error:
            if engine not in self._worked:
                self._failed[engine] += 1
                self._failures[engine] = str(error).rstrip(".")
            self._refuse(candidate, str(error).rstrip("."))

    def _time(self, candidate: Candidate, line: Starts) -> Times:
        times = Times()
        things = [self._the_reference(candidate), line]
        for reference, turn in rounds(things, lambda: not times.is_enough):
            times.add(turn, reference)
        self._reference_s += times.reference
        return times

    def _add(self, candidate: Candidate, line: Starts, score: float, expected: float) -> None:
        report = line.report
        tier = self._tiers[candidate.tier]
        new = Measured(
            candidate=candidate,
            sha256=tier.sha256,
            **self._figures(candidate),
            score=score,
            expected=expected,
            golden=dict(tier.golden),
            memory_mb=line.memory_mb,
            library=report.library,
            delegated=report.delegated_nodes,
            nodes=report.all_nodes,
        )
        self._hold_to_reference(new)

    def _hold_to_reference(self, *new: Measured) -> None:
        """Times from ratios: the reference's own time is that of the session's quiet tenth, or the one that is kept."""
        out = self._out
        out.reference_ms = self._fixed_ms or round(percentile(self._reference_s, _QUIETEST) * 1e3, 4)
        out.measured = [one._replace(**self._figures(one.candidate)) for one in (*out.measured, *new)]

    def _figures(self, candidate: Candidate) -> dict[str, Any]:
        times = self._times[candidate]
        return {
            "ms": round(times.ratio * self._out.reference_ms, 3),
            "p50_ms": round(percentile(times.frames, 50) * 1e3, 3),
            "p95_ms": round(percentile(times.frames, 95) * 1e3, 3),
            "infer_ms": round(percentile(times.infers, 50) * 1e3, 3),
            "runs": len(times.frames),
        }

    def _closer_look(self) -> None:
        """Let those that are near to each other take turns together, a group of neighbours in quality at a time."""
        for number in range(_PASSES):
            ladder = ladder_of(self._known + self._out.measured)
            near = finalists(ladder, self._out.measured)
            if len(near) + len(self._known) < 2:
                return
            for first in range(0, len(near), _TOGETHER):
                group = near[first : first + _TOGETHER]
                if not self._has_time_for(group):
                    return
                self._tell(f"a closer look at {len(near)} of them, {number + 1} of {_PASSES}")
                with suppress(EdgesegError):  # one that failed just now was good before: the first look counts
                    self._together(group)
            self._hold_to_reference()  # what was measured more closely may let others look near that did not

    def _has_time_for(self, group: Sequence[Measured]) -> bool:
        """Whether a round of all of them ends in time."""
        round_ms = (self._out.reference_ms + sum(one.ms for one in group)) * (RUNS + 1)
        return self._seconds() + round_ms / 1e3 < self._time_s

    def _together(self, group: Sequence[Measured]) -> None:
        done = 0
        with ExitStack() as stack:
            lines = [stack.enter_context(self._started(one.candidate)) for one in group]
            things = [self._the_reference(group[0].candidate), *lines]

            def may_go_on() -> bool:
                return done < _ROUNDS and self._has_time_for(group)

            for reference, *turns in rounds(things, may_go_on):
                done += 1
                self._reference_s += reference[0]
                for one, turn in zip(group, turns, strict=True):
                    self._times[one.candidate].add(turn, reference)

    def _the_reference(self, otherwise: Candidate) -> Timed:
        """The default tier on one thread of the CPU; where that cannot be started, the first candidate that can."""
        if self._reference is None:
            try:
                self._reference = self._start(Candidate(DEFAULT_TIER, "cpu", 1))
            except EdgesegError:
                self._reference = self._start(otherwise)
        return self._reference

    @contextmanager
    def _started(self, candidate: Candidate) -> Iterator[Starts]:
        line = self._start(candidate)
        try:
            yield line
        finally:
            line.close()

    def _refuse(self, candidate: Candidate, reason: str) -> None:
        self._out.refusals.append(Refusal(candidate, self._tiers[candidate.tier].sha256, reason))

    def _seconds(self) -> float:
        return self._clock.now() - self._begin

    def _tell(self, what: str) -> None:
        done = len(self._out.measured) + len(self._out.refusals)
        self._told(Step(what, self._seconds(), done, len(self._out.left)))
