"""docs/boards.md, made of the saved boards in tests/boards: what the probe and the profiles conclude for each.

To write it anew, and then look at what changed: `.venv/bin/python tests/docs/boards_page.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgeseg.commands.shown import value
from edgeseg.config.effective import Effective
from edgeseg.config.places import Places, shipped
from edgeseg.probe import Capabilities, probe
from edgeseg.resolve import resolve

ROOT = Path(__file__).parents[2]
BOARDS = sorted((ROOT / "tests" / "boards").glob("*/root"))
PAGE = ROOT / "docs" / "boards.md"
DOT_PRODUCTS = ("asimddp", "i8mm", "avx_vnni", "avx512_vnni")
TOO_OLD = "edgeseg needs 3.10"

HEAD = """\
# What each board concludes

Made by `python tests/docs/boards_page.py` from the saved boards in [tests/boards](../tests/boards/README.md), where
each file of each board has its source. None of these boards was at hand: this is what `edgeseg probe` and `edgeseg
profile match` conclude from their files, and no measurement. tests/boards/README.md says what was checked against which
datasheet.

- "Engines to try" are those of the profile whose hardware was found; which one is used is measured on the board. The
  engines for an Edge TPU and for these boards' GPUs are not proven on their hardware.
- A dot product (`asimddp` and `i8mm` on Arm, AVX-VNNI and AVX-512 VNNI on x86) is what makes INT8 fast.
- Aims and limits are the profile's ([profiles.md](profiles.md)). A limit of power is kept only where power is measured.
- A saved board holds what somebody published of one, so that a missing line need not mean a missing thing.

"""


def page() -> str:
    """The whole page."""
    boards = [(root.parent.name, probe(root)) for root in BOARDS]
    rows = ["| saved board | board | chip, cores | accelerators | profile | runs as it is |", "| --- " * 6 + "|"]
    rows += [_row(name, found) for name, found in boards]
    return "\n".join([HEAD + "\n".join(rows), *(_section(name, found) for name, found in boards)]) + "\n"


def _row(name: str, found: Capabilities) -> str:
    engines = _effective(found).keys.engines
    accelerators = [f"{one.name}{'' if one.engine in engines else ' (not used)'}" for one in found.accelerators]
    cells = [f"[{name}](#{name})", _board(found), _chip(found), ", ".join(accelerators) or "none"]
    return f"| {' | '.join([*cells, f'`{_effective(found).profile}`', _runs(found)])} |"


def _runs(found: Capabilities) -> str:
    if any(TOO_OLD in sentence for sentence in found.advice):
        return "no: its Python is too old"
    tells = (found.software.python, found.software.system_pythons, found.software.os_id, found.board.jetpack)
    return "yes" if any(tells) else "no file tells its Python"


def _section(name: str, found: Capabilities) -> str:
    return "\n".join([f"\n## {name}\n", *_facts(found), *_way(found)])


def _facts(found: Capabilities) -> Iterator[str]:
    yield f"- **Board:** {_board(found)}; {_chip(found)}{_memory(found)}."
    names = found.cpu.features.value if found.cpu.features else ()
    dots = [name for name in DOT_PRODUCTS if name in names]
    yield f"- **What matters:** {' and '.join(f'`{dot}`' for dot in dots) or 'no dot product'}; {_power(found)}."
    for one in found.accelerators:
        used = "named, and not used"
        if one.engine:
            tried = one.engine in _effective(found).keys.engines
            used = f"the engine `{one.engine}` is {'tried' if tried else 'left out by the profile'}"
        yield f"- **{one.kind}:** {one.name}{f' ({one.remark})' if one.remark else ''}: {used}."
    yield from _profile(found)


def _profile(found: Capabilities) -> Iterator[str]:
    effective = _effective(found)
    assert effective.ranking is not None
    keys, (first, second, *_) = effective.keys, effective.ranking.matches
    evidence = " and ".join(f"{met.fact} {met.clue.value} ({met.clue.where})" for met in first.met)
    yield f"- **Profile:** [{first.profile}](../device_profiles/{first.profile}.yaml), by {evidence}."
    yield f"  Second: `{second.profile}`, for {second.why_not}."
    there = {"cpu", *(one.engine for one in found.accelerators)}
    engines = ", ".join(f"`{engine}`" for engine in keys.engines if engine in there)
    limits = [f"{name} {value(limit)}" for name, limit in keys.limits if limit is not None]
    aims = f"{value(keys.targets.size)} at {value(keys.targets.fps)} fps"
    yield f"- **Engines to try:** {engines}. **Aim:** {aims}. **Limits:** {', '.join(limits) or 'none'}."


def _way(found: Capabilities) -> Iterator[str]:
    if found.advice:
        yield "- **In the way, and the way out:**"
        yield from (f"  - {sentence}" for sentence in found.advice)


def _effective(found: Capabilities) -> Effective:
    return resolve(found, where=Places((), (shipped(),)))


def _board(found: Capabilities) -> str:
    if found.board.model:
        return found.board.model.value
    return "a virtual machine" if found.software.virtual else "not known"


def _chip(found: Capabilities) -> str:
    chip = f"{found.soc.name.value}, " if found.soc.name else ""
    model = found.cpu.model.value if found.cpu.model else "a processor not known"
    cores = f"{found.cpu.cores.value} {'cores: ' if '+' in model else 'x '}" if found.cpu.cores else ""
    bits = " (32-bit programs)" if found.software.userland_bits and found.software.userland_bits.value == 32 else ""
    return f"{chip}{cores}{model}{bits}"


def _memory(found: Capabilities) -> str:
    if found.memory.total_mb:
        return f", {found.memory.total_mb.value:.0f} MB of memory"
    size = found.board.pi.value.memory_mb if found.board.pi else None
    return f", {size} MiB of memory by its revision code" if size else ""


def _power(found: Capabilities) -> str:
    board = found.power.board_w
    return f"its whole power is measured ({board.where})" if board else "nothing measures its whole power"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
