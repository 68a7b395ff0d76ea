"""Cores, what they can, and how fast they may run.

Sources: Documentation/ABI/testing/sysfs-devices-system-cpu (online, cpu_capacity),
Documentation/admin-guide/pm/cpufreq.rst, Documentation/arch/arm64/elf_hwcaps.rst (features),
arch/x86/include/asm/cpufeatures.h, names of Arm cores from util-linux sys-utils/lscpu-arm.c,
/proc/sys/kernel/arch: Documentation/admin-guide/sysctl/kernel.rst.
"""

from __future__ import annotations

from collections.abc import Iterable

from edgeseg.probe.capabilities import Cluster, Cpu
from edgeseg.probe.cgroup import cpu_quota
from edgeseg.probe.cpuinfo import CPUINFO, fields
from edgeseg.probe.fact import Fact
from edgeseg.probe.tree import Tree

_CPU = "/sys/devices/system/cpu"
MAX_CORES = 1024
# What kernels for small models use; a processor has hundreds more.
FEATURES = frozenset(
    (
        *("neon", "asimd", "asimdhp", "fphp", "asimddp", "asimdfhm", "i8mm", "bf16", "sve", "sve2", "sme", "vfpv4"),
        *("sse4_1", "sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512vl"),
        *("avx512_vnni", "avx512_fp16", "avx512_bf16", "amx_tile", "amx_int8", "amx_bf16"),
    )
)
_ARM_CORES = {
    **{0xB76: "ARM1176", 0xC07: "Cortex-A7", 0xC08: "Cortex-A8", 0xC09: "Cortex-A9", 0xC0F: "Cortex-A15"},
    **{0xC0D: "Cortex-A17", 0xC0E: "Cortex-A17", 0xD01: "Cortex-A32", 0xD03: "Cortex-A53", 0xD04: "Cortex-A35"},
    **{0xD05: "Cortex-A55", 0xD07: "Cortex-A57", 0xD08: "Cortex-A72", 0xD09: "Cortex-A73", 0xD0A: "Cortex-A75"},
    **{0xD0B: "Cortex-A76", 0xD0C: "Neoverse-N1", 0xD0D: "Cortex-A77", 0xD0E: "Cortex-A76AE", 0xD41: "Cortex-A78"},
    **{0xD42: "Cortex-A78AE", 0xD44: "Cortex-X1", 0xD46: "Cortex-A510", 0xD47: "Cortex-A710", 0xD4B: "Cortex-A78C"},
    **{0xD4D: "Cortex-A715", 0xD49: "Neoverse-N2", 0xD40: "Neoverse-V1", 0xD4F: "Neoverse-V2"},
}
_NVIDIA_CORES = {0x000: "Denver", 0x003: "Denver 2", 0x004: "Carmel"}


def read_cpu(tree: Tree, machine: Fact[str] | None) -> Cpu:
    """The processor; `machine` is what the kernel calls it, if that was asked."""
    _, cores = fields(tree)
    online = _list(tree, f"{_CPU}/online")
    present = _list(tree, f"{_CPU}/present")
    count = None if online is None else Fact(len(online.value), online.where)
    if count is None and cores:
        count = tree.believed_integer(str(len(cores)), CPUINFO, 1, MAX_CORES)
    numbers = online.value if online else range(count.value) if count else ()
    return Cpu(
        architecture=tree.string("/proc/sys/kernel/arch") or machine or _architecture(cores),
        model=_model(tree, cores),
        cores=count,
        present=Fact(len(present.value), present.where) if present else None,
        allowed=_allowed(tree),
        quota=cpu_quota(tree),
        features=_features(cores),
        clusters=_clusters(tree, cores, numbers),
    )


def parse_list(text: str) -> tuple[int, ...] | None:
    """The numbers in "0-3,6", None if that is not what it is."""
    numbers: set[int] = set()
    for part in text.strip().split(","):
        first, dash, last = part.partition("-")
        ends = (first, last if dash else first)
        if not all(end.isascii() and end.isdecimal() and len(end) < 6 for end in ends):
            return None
        low, high = int(ends[0]), int(ends[1])
        if not low <= high < 65536:
            return None
        numbers.update(range(low, high + 1))
    return tuple(sorted(numbers))


def _list(tree: Tree, path: str) -> Fact[tuple[int, ...]] | None:
    fact = tree.string(path)
    if fact is None:
        return None
    numbers = parse_list(fact.value)
    if numbers is None:
        tree.note(path, f"holds {fact.value[:40]!r}, which is no list of cores")
    elif len(numbers) > MAX_CORES:
        tree.note(path, f"names {len(numbers)} cores, more than {MAX_CORES}")
    else:
        return Fact(numbers, fact.where)
    return None


def _allowed(tree: Tree) -> Fact[int] | None:
    path = "/proc/self/status"
    for line in (tree.text(path) or "").splitlines():
        if line.startswith("Cpus_allowed_list:"):
            numbers = parse_list(line.partition(":")[2])
            if numbers and len(numbers) <= MAX_CORES:
                return Fact(len(numbers), f"{path} (Cpus_allowed_list)")
            tree.note(path, "names no believable list of cores")
    return None


def _architecture(cores: list[dict[str, str]]) -> Fact[str] | None:
    """Told from the features, where nothing says it."""
    if not cores:
        return None
    words = set(cores[0].get("Features", cores[0].get("flags", "")).split())
    guess = None
    if "asimd" in words:
        guess = "aarch64"
    elif cores[0].get("CPU architecture") in ("7", "8") and words & {"neon", "vfpv3", "vfpv4", "half"}:
        guess = "armv7l"
    elif "lm" in words and "sse2" in words:
        guess = "x86_64"
    return Fact(guess, f"{CPUINFO} (features)") if guess else None


def _model(tree: Tree, cores: list[dict[str, str]]) -> Fact[str] | None:
    """The model of the fastest kind, for Arm all kinds, as in "Cortex-A76 + Cortex-A55"."""
    if not cores:
        return None
    kinds = dict.fromkeys(name for core in reversed(cores) if (name := _core_name(core)))
    if kinds:
        return tree.believed_string(" + ".join(kinds), CPUINFO)
    name = cores[0].get("model name") or cores[0].get("Processor") or cores[0].get("uarch")
    return tree.believed_string(name, CPUINFO) if name else None


def _core_name(core: dict[str, str]) -> str | None:
    """The name of an Arm core by its implementer and part."""
    try:
        implementer, part = int(core["CPU implementer"], 16), int(core["CPU part"], 16)
    except (KeyError, ValueError):
        return None
    known = {0x41: _ARM_CORES, 0x4E: _NVIDIA_CORES}.get(implementer, {})
    return known.get(part, f"implementer 0x{implementer:02x} part 0x{part:03x}")


def _features(cores: list[dict[str, str]]) -> Fact[tuple[str, ...]] | None:
    """Those that all cores have: a program may be moved to any."""
    words = [set(text.split()) for core in cores if (text := core.get("Features", core.get("flags", "")))]
    if not words:
        return None
    common = words[0].intersection(*words[1:])
    return Fact(tuple(sorted(FEATURES & common)), CPUINFO)


def _clusters(tree: Tree, cores: list[dict[str, str]], online: Iterable[int]) -> tuple[Cluster, ...]:
    """One for each clock; where there are no clocks, one for each kind of core."""
    numbered = [(int(core["processor"][:6]), _core_name(core)) for core in cores]
    kinds = {number: name for number, name in numbered if name}
    groups: dict[str, tuple[int, ...]] = {}
    for policy in tree.names(f"{_CPU}/cpufreq", r"policy\d{1,5}"):
        text = (tree.text(f"{policy}/related_cpus") or tree.text(f"{policy}/affected_cpus") or "").split()
        numbers = parse_list(",".join(text[:MAX_CORES])) if text else None
        groups[policy] = numbers or (int(policy.rpartition("policy")[2]),)
    if not groups:  # older kernels have them at each core: those of one kind with one clock are told as one
        alike: dict[tuple[str | None, str | None], list[int]] = {}
        for number in online:
            path = f"{_CPU}/cpu{number}/cpufreq/cpuinfo_max_freq"
            clock = tree.text(path) if tree.exists(path) else None
            alike.setdefault((kinds.get(number), clock), []).append(number)
        groups = {f"{_CPU}/cpu{numbers[0]}/cpufreq": tuple(numbers) for numbers in alike.values()}
    return tuple(_cluster(tree, folder, numbers, kinds.get(numbers[0])) for folder, numbers in groups.items())


def _cluster(tree: Tree, folder: str, cores: tuple[int, ...], kind: str | None) -> Cluster:
    def mhz(name: str) -> Fact[float] | None:
        return tree.scaled(f"{folder}/{name}", 1000, 10, 10_000)

    return Cluster(
        cores=cores,
        model=Fact(kind, CPUINFO) if kind else None,
        min_mhz=mhz("cpuinfo_min_freq"),
        max_mhz=mhz("cpuinfo_max_freq"),
        now_mhz=mhz("scaling_cur_freq"),
        limit_mhz=mhz("scaling_max_freq"),
        governor=tree.string(f"{folder}/scaling_governor"),
        driver=tree.string(f"{folder}/scaling_driver"),
        capacity=tree.integer(f"{_CPU}/cpu{cores[0]}/cpu_capacity", 1, 1024),
    )
