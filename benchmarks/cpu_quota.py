"""A control group whose share of the processor is set while something runs in it; version 1 or 2, needs root."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType

PERIOD_US = 10_000
V1 = Path("/sys/fs/cgroup/cpu")
V2 = Path("/sys/fs/cgroup")
ACCOUNTS = Path("/sys/fs/cgroup/cpuacct")


class CpuQuota:
    """`with CpuQuota("name") as quota: quota.take(pid); quota.set(35)`: 35 % of one core from then on.

    Raises OSError where it may not be made, or there is no cpu controller.
    """

    def __init__(self, name: str) -> None:
        self._is_v1 = (V1 / "cpu.cfs_quota_us").exists()
        self._folder = (V1 if self._is_v1 else V2) / f"{name}-{os.getpid()}"
        # Version 1 mostly has one hierarchy for both; where there are two, the group is one in each.
        is_apart = self._is_v1 and ACCOUNTS.is_dir() and not ACCOUNTS.samefile(V1)
        self._accounts = [ACCOUNTS / self._folder.name] if is_apart else []

    def __enter__(self) -> CpuQuota:
        for folder in (self._folder, *self._accounts):
            folder.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for folder in (self._folder, *self._accounts):
            with contextlib.suppress(OSError):  # something of a killed run may still be in it
                folder.rmdir()

    def take(self, pid: int) -> None:
        """Put a process and all its threads in."""
        for folder in (self._folder, *self._accounts):
            (folder / "cgroup.procs").write_text(str(pid))

    def set(self, percent: int) -> None:
        """So many percent of one core; 200 is two cores."""
        if self._is_v1:
            (self._folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (self._folder / "cpu.cfs_quota_us").write_text(str(PERIOD_US * percent // 100))
        else:
            (self._folder / "cpu.max").write_text(f"{PERIOD_US * percent // 100} {PERIOD_US}")
