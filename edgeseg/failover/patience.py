"""When an accelerator that fell is tried again. Pure: time is an argument, in seconds of one clock."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Patience:
    """first_s: before the first try; it doubles with each failure in a row, up to most_s.

    An accelerator that served for steady_s is as good as new. One that fell `flaps` times within within_s is left alone
    for bench_s: its coming and going costs more than it brings.
    """

    first_s: float = 1.0
    most_s: float = 300.0
    steady_s: float = 60.0
    flaps: int = 5
    within_s: float = 600.0
    bench_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered of an accelerator. failures: in a row; falls: when it fell; try_at: not before."""

    failures: int = 0
    falls: tuple[float, ...] = ()
    try_at: float = 0.0
    is_benched: bool = False


def fell(patience: Patience, record: Record, now: float, served_s: float) -> Record:
    """It served for so long, and then no more."""
    falls = (*(at for at in record.falls if now - at < patience.within_s), now)[-patience.flaps :]
    if len(falls) == patience.flaps:
        return Record(1, (), now + patience.bench_s, is_benched=True)
    failures = 1 if served_s >= patience.steady_s else record.failures + 1
    return Record(failures, falls, now + _wait_s(patience, failures))


def failed(patience: Patience, record: Record, now: float) -> Record:
    """It was tried and did not come back."""
    failures = record.failures + 1
    return replace(record, failures=failures, try_at=now + _wait_s(patience, failures), is_benched=False)


def _wait_s(patience: Patience, failures: int) -> float:
    return min(patience.most_s, patience.first_s * 2.0 ** min(failures - 1, 32))
