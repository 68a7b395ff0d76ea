"""Where the time of a model goes, before the passes and after: bars by kind of op, and the slowest ops."""

from __future__ import annotations

from collections import defaultdict
from html import escape

from edgeseg.bench.op_times import REST, OpTimes
from quantize.report.facts import Evidence, Profile
from quantize.report.tables import Table

SLOWEST = 8
_OTHERS = "others"
_LEAST = 0.015  # of the slowest model's time: what is smaller in every model is put together


def op_sections(evidence: Evidence) -> str:
    """One section for each family that was taken apart."""
    return "".join(_section([p for p in evidence.profiles if p.family == family]) for family in evidence.families)


def by_kind(times: OpTimes) -> dict[str, tuple[int, float]]:
    """Kind -> (how many, their milliseconds)."""
    found: dict[str, list[float]] = defaultdict(list)
    for op in times.ops:
        found["between the ops" if op.kind == REST else op.kind].append(op.ms)
    return {kind: (len(ms), sum(ms)) for kind, ms in found.items()}


def _section(profiles: list[Profile]) -> str:
    if not profiles:
        return ""
    first = profiles[0]
    slowest = "".join(f"<div>{_slowest(profile).html()}{_left(profile)}</div>" for profile in profiles)
    return (
        f"<h3>{escape(first.family)} {escape(first.size)}</h3>\n<p>{escape(_told(profiles))}</p>\n{_bars(profiles)}"
        f'<details><summary>The {SLOWEST} slowest ops of each</summary><div class="beside">{slowest}</div></details>\n'
    )


def _told(profiles: list[Profile]) -> str:
    """The whole in words."""
    said = []
    for profile in profiles:
        times = profile.times
        name, (_, ms) = max(by_kind(times).items(), key=lambda one: one[1][1])
        parts = "1 partition" if times.partitions == 1 else f"{times.partitions} partitions"
        share = ms / (sum(op.ms for op in times.ops) or 1.0)
        said.append(f"{profile.label}: {times.ms:.2f} ms, {parts}, {name} is {share:.0%}")
    return "; ".join(said) + "."


def _bars(profiles: list[Profile]) -> str:
    """A table with a row for each kind and a bar for each model, all bars to one scale."""
    sums = [by_kind(profile.times) for profile in profiles]
    most = max((ms for found in sums for _, ms in found.values()), default=0.0) or 1.0
    whole = max(sum(ms for _, ms in found.values()) for found in sums) or 1.0
    kinds = sorted({kind for found in sums for kind in found}, key=lambda k: -sum(f.get(k, (0, 0.0))[1] for f in sums))
    small = {kind for kind in kinds if all(found.get(kind, (0, 0.0))[1] < _LEAST * whole for found in sums)}
    rows = [(kind, [found.get(kind) for found in sums]) for kind in kinds if kind not in small]
    if small:
        rows.append((_OTHERS, [_together(found, small) for found in sums]))
    body = "".join(
        f'<tr><th scope="row">{_breakable(kind)}</th>{"".join(_bar(cell, most) for cell in cells)}</tr>\n'
        for kind, cells in rows
    )
    head = "".join(f'<th scope="col">{escape(profile.label)}, ms</th>' for profile in profiles)
    caption = escape(f"Time by kind of op, {profiles[0].family} {profiles[0].size}")
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{caption}"><table class="bars"><caption>{caption}'
        f'</caption><thead><tr><th scope="col">kind</th>{head}</tr></thead><tbody>\n{body}</tbody></table></div>\n'
    )


def _together(found: dict[str, tuple[int, float]], kinds: set[str]) -> tuple[int, float] | None:
    there = [found[kind] for kind in kinds if kind in found]
    return (sum(count for count, _ in there), sum(ms for _, ms in there)) if there else None


def _bar(cell: tuple[int, float] | None, most: float) -> str:
    if cell is None:
        return '<td class="none">–</td>'
    count, ms = cell
    width = max(0.0, min(1.0, ms / most)) * 100
    return (
        f'<td><span class="bar"><i style="width:{width:.1f}%"></i></span>'
        f"{ms:.2f}{f' <small>({count}×)</small>' if count > 1 else ''}</td>"
    )


def _slowest(profile: Profile) -> Table:
    ops = sorted((op for op in profile.times.ops if op.kind != REST), key=lambda op: -op.ms)[:SLOWEST]
    said = {True: "yes", False: "no", None: ""}
    rows: list[tuple[str, ...]] = [(op.name, f"{op.ms:.2f}", f"{op.share:.0%}", said[op.delegated]) for op in ops]
    caption = f"{profile.family} {profile.size}, {profile.label}"
    return Table(caption, ("op and what it gives", "ms", "share", "delegated"), rows)


def _left(profile: Profile) -> str:
    """What the delegate left, and why; what is done once at the start costs nothing."""
    why: dict[tuple[str, str], int] = defaultdict(int)
    for one in profile.times.not_delegated:
        if not one.why.startswith("it is computed once"):
            why[one.op, one.why] += 1
    if not why:
        return ""
    said = "; ".join(f"{count} {op}: {reason}" for (op, reason), count in why.items())
    return f"<p>Not delegated: {escape(said)}.</p>\n"


def _breakable(kind: str) -> str:
    return escape(kind).replace("_", "_<wbr>").replace("Transpose", "<wbr>Transpose")
