"""A tier's full-integer file for Coral's compiler, and what the compiler is expected to say of it."""

from __future__ import annotations

import hashlib
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from edgeseg.errors import UsageError
from edgeseg.tiers import files
from edgeseg.tiers.catalogue import Tier
from quantize.build import put_all
from quantize.edgetpu.check import Finding, check
from quantize.edgetpu.rewrite import converter_versions, depth_to_space_as_transpose_conv, integer_depth_to_space
from quantize.edgetpu.supported import COMPILER, RUNTIME
from quantize.graph.flatbuffer import read, write
from quantize.graph.validate import validate


@dataclass(frozen=True, slots=True)
class Export:
    """A file for the compiler. path: where it is. findings: one for each of its operations."""

    tier: Tier
    path: Path
    content: bytes
    findings: list[Finding]

    @property
    def supported(self) -> int:
        """How many operations Coral's list has."""
        return sum(finding.supported for finding in self.findings)

    @property
    def mapped(self) -> int:
        """How many would run on the Edge TPU, if what is doubtful goes well."""
        return sum(finding.mapped for finding in self.findings)

    @property
    def surely(self) -> int:
        """How many would, if nothing that is doubtful does."""
        return sum(finding.surely for finding in self.findings)

    @property
    def command(self) -> list[str]:
        """The compiler's command line: -s prints what becomes of each operation, -o is the folder for the result."""
        return ["edgetpu_compiler", "-s", "-o", str(self.path.parent), str(self.path)]


def export(name: str, folder: Path) -> Export:
    """Write the file of the tier of that name into `folder`.

    Raises UsageError for an unknown tier, one that is not INT8 and a folder of models, whose tier the file would hide;
    OutputError if the folder cannot be written; what `tiers.files.load` and `graph.flatbuffer.read` raise.
    """
    known = files.tiers()
    tier = files.tier(name)
    _check_tier(tier, known)
    if folder.resolve() in {models.resolve() for models in files.folders()}:
        raise UsageError(f"{folder} holds models, among which the file would be taken for {name}; see --output.")
    content = prepare(files.load(tier))
    path = folder / f"{name}.tflite"
    made = Export(tier, path, content, check(read(content)))
    put_all(folder, [(path.name, content)])
    return made


def prepare(content: bytes) -> bytes:
    """A full-integer file in terms that Coral's compiler takes; it computes the same, bit for bit."""
    graph = read(content)
    validate(graph)
    for step in (integer_depth_to_space, depth_to_space_as_transpose_conv, converter_versions):
        step(graph)
        validate(graph)
    return write(graph)


def _check_tier(tier: Tier, known: Mapping[str, Tier]) -> None:
    if tier.twin is not None:
        raise UsageError(f"{tier.name} is compiled already; export {tier.twin}, which it was made from.")
    if tier.precision == "int8":
        return
    sisters = [t for t in known.values() if t.family == tier.family and t.precision == "int8" and t.twin is None]
    twin = f"{tier.family}-{tier.height}x{tier.width}-int8"
    nearest = min(
        sisters, key=lambda t: (t.name != twin, abs(t.height * t.width - tier.height * tier.width)), default=None
    )
    remedy = "this catalogue has no INT8 tier of its family" if nearest is None else f"export {nearest.name}"
    raise UsageError(f"{tier.name} computes in float and an Edge TPU takes integers only; {remedy}.")


def table(made: Export) -> Table:
    """Kinds of operations and what becomes of them, in the order in which they are met; as the compiler's own log."""
    view = Table(
        "operation", "count", "what becomes of it", title=f"{made.tier.name} on an Edge TPU", title_justify="left"
    )
    for (op, said), count in Counter((f.op, _said(f)) for f in made.findings).items():
        view.add_row(op, str(count), said)
    return view


def _said(finding: Finding) -> str:
    if not finding.supported:
        return f"CPU: {finding.refusal}"
    if not finding.mapped:
        return "CPU: after one that is refused"
    return f"Edge TPU, if the compiler agrees: {finding.doubt}" if finding.doubt else "Edge TPU"


def summary(made: Export) -> str:
    """The counts, and what to do with the file."""
    compiled = f"{made.tier.name}{files.COMPILED}"
    count = len(made.findings)
    least = "" if made.surely == made.mapped else f", {made.surely} if the compiler refuses all that is doubtful"
    refused = " The compiler would refuse the whole file." if any(f.fatal for f in made.findings) else ""
    return (
        f"{made.supported} of {count} operations are on Coral's list; {made.mapped} would run on the Edge TPU{least}."
        f"{refused} By the list for compiler {COMPILER}; nothing was compiled here.\n"
        f"Written: {made.path}. On an x86-64 Debian or Ubuntu with Coral's compiler:\n"
        f"  {shlex.join(made.command)}\n"
        f"Then put {compiled} into {files.own_folder()} or another folder of models: it is the tier"
        f" {made.tier.name}-edgetpu."
    )


def as_json(made: Export) -> dict[str, Any]:
    """The same for programs."""
    return {
        "tier": made.tier.name,
        "file": str(made.path),
        "bytes": len(made.content),
        "sha256": hashlib.sha256(made.content).hexdigest(),
        "compiler": COMPILER,
        "runtime": RUNTIME,
        "operations": len(made.findings),
        "supported": made.supported,
        "mapped": made.mapped,
        "mapped_without_doubt": made.surely,
        "findings": [asdict(finding) for finding in made.findings],
        "command": made.command,
    }
