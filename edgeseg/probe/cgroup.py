"""What the own control group may use.

Sources: Documentation/admin-guide/cgroup-v2.rst (memory.max, cpu.max), Documentation/admin-guide/cgroup-v1/memory.rst
(memory.limit_in_bytes), Documentation/scheduler/sched-bwc.rst (cpu.cfs_quota_us), man 7 cgroups (/proc/self/cgroup).
A limit holds for all groups below it, so that the smallest on the way up counts.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgeseg.probe.fact import Fact
from edgeseg.probe.privacy import shown_path
from edgeseg.probe.tree import Tree

_ROOT = "/sys/fs/cgroup"
_NO_LIMIT = 1 << 60  # cgroup v1 says "none" by the greatest number of whole pages


def memory_limit_mb(tree: Tree) -> Fact[float] | None:
    """The smallest limit of memory, None if there is none."""
    limits = []
    for folder in folders(tree, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            path = f"{folder}/{name}"
            text = tree.text(path) if tree.exists(path) else None
            if text is None or text.strip() == "max":
                continue
            fact = tree.believed_integer(text, path, 0, 1 << 64)
            if fact and 0 < fact.value < _NO_LIMIT:
                limits.append(Fact(fact.value / 1e6, fact.where))
    return min(limits, key=lambda limit: limit.value, default=None)


def cpu_quota(tree: Tree) -> Fact[float] | None:
    """How many cores' time is granted, None if there is no limit."""
    quotas = [quota for folder in folders(tree, "cpu") if (quota := _quota(tree, folder))]
    return min(quotas, key=lambda quota: quota.value, default=None)


def _quota(tree: Tree, folder: str) -> Fact[float] | None:
    path = f"{folder}/cpu.max"
    if tree.exists(path):
        words = (tree.text(path) or "max").split()
        if words[:1] == ["max"]:
            return None
        quota = tree.believed_integer(words[0] if words else "", path, 1, 10**12)
        period = tree.believed_integer(words[1] if len(words) > 1 else "100000", path, 1, 10**9)
    else:
        path = f"{folder}/cpu.cfs_quota_us"
        quota = tree.integer(path, -1, 10**12)
        period = tree.integer(f"{folder}/cpu.cfs_period_us", 1, 10**9)
    if quota is None or period is None or quota.value < 1:
        return None
    return Fact(round(quota.value / period.value, 3), shown_path(path))


def folders(tree: Tree, controller: str) -> Iterator[str]:
    """The own group's folder and those above it, in the hierarchy that has the controller."""
    groups = {}
    for line in (tree.text("/proc/self/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        names, _, group = rest.partition(":")
        for name in names.split(",") if names else [""]:
            groups[name] = group if ".." not in group.split("/") and len(group) < 1024 else "/"
        del number
    if controller in groups:  # cgroup v1
        base, group = f"{_ROOT}/{controller}", groups[controller]
    elif tree.exists(f"{_ROOT}/cgroup.controllers"):
        base, group = _ROOT, groups.get("", "/")
    else:
        return
    parts = [part for part in group.split("/") if part][:32]
    for depth in range(len(parts), -1, -1):
        yield "/".join((base, *parts[:depth]))
