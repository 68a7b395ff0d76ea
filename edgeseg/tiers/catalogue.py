"""The catalogue: which model tiers there are, how each is fed and read, and what it scored.

Rows are data: `catalogue.yaml` here, written by `python -m quantize catalogue`, and a `catalogue.yaml` in a folder of
models for tiers of the user's own. A row has the fields of `Tier`.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from edgeseg.errors import UsageError, did_you_mean
from edgeseg.ports import ModelIO

AUTO = "auto"  # in place of a tier or an engine: what was measured to be best here
DEFAULT_TIER = "selfie-landscape-144x256-fp16"
STILL_TIERS = (DEFAULT_TIER, "selfie-288x288-fp16")  # that are asked about a picture by itself, which may take its time
BODY_TIER = "body-256x256-fp16"  # for whole people
FILE = Path(__file__).with_name("catalogue.yaml")

Precision = Literal["fp32", "fp16", "int8"]
Fit = Literal["stretch", "letterbox"]
DType = Literal["float32", "int8", "uint8"]

_OPTIONAL = ("passes", "golden", "twin")


@dataclass(frozen=True, slots=True)
class Numbers:
    """How a tensor holds real numbers: real = (stored - zero_point) * scale."""

    dtype: DType
    scale: float = 1.0
    zero_point: int = 0


@dataclass(frozen=True, slots=True)
class Tier:
    """One model variant.

    family: tiers of one family share their weights. asset: what it was built from, of `edgeseg.assets` or a file of the
    user's. passes: the steps that made it, in their order. height, width: of the input, in pixels. precision: of the
    arithmetic, fp16 of the weights. sha256 (hex), bytes: of the file. fit: see `ports.ModelIO`. input: RGB in [0, 1].
    output: the probability of a person. golden: mean IoU on each golden set it was scored on. twin: the tier
    that a file compiled for an Edge TPU was made from.
    """

    name: str
    family: str
    asset: str
    height: int
    width: int
    precision: Precision
    sha256: str
    bytes: int
    fit: Fit
    input: Numbers
    output: Numbers
    licence: str
    passes: tuple[str, ...] = ()
    golden: Mapping[str, float] = field(default_factory=dict)
    twin: str | None = None

    @property
    def io(self) -> ModelIO:
        """How an engine feeds and reads it."""
        return ModelIO(self.height, self.width, self.fit, self.input.dtype)


@functools.cache
def catalogue() -> dict[str, Tier]:
    """The tiers of this version, by name."""
    return read(FILE)


def row_of(name: str) -> Tier | None:
    """One tier of this version; None if there is none of that name.

    Our own catalogue is YAML in which every row is JSON: start-up time counts, and importing YAML takes longer than
    loading a model.
    """
    found = re.search(rf"(?m)^{re.escape(name)}:( \{{\n(?:  .*\n)* \}})$", FILE.read_text(encoding="utf-8"))
    return _tier(name, json.loads(found[1]), f"{FILE}: tier {name}") if found else None


def read(path: Path) -> dict[str, Tier]:
    """Read a catalogue; raises UsageError that names the file, the tier and the field."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"The catalogue {path} cannot be read: {error.strerror}.") from error
    return parse(content, path)


def parse(content: bytes, path: Path) -> dict[str, Tier]:
    """The tiers in a catalogue's text; raises as `read` does, where `path` is only named."""
    import yaml

    try:
        # libyaml's loader where PyYAML was built with it: ten times faster.
        rows = yaml.load(content, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError) as error:  # ValueError: what looks like a date and is none
        raise UsageError(f"The catalogue {path} cannot be read: {' '.join(str(error).split())}.") from error
    if not isinstance(rows, dict):
        raise UsageError(f"The catalogue {path} is not a mapping from tiers to their fields.")
    return {str(name): _tier(str(name), row, f"{path}: tier {name}") for name, row in rows.items()}


def _tier(name: str, row: Any, where: str) -> Tier:
    known = {one.name for one in fields(Tier)} - {"name"}
    _check_keys(row, known, known - set(_OPTIONAL), where)
    for key, words in (("precision", get_args(Precision)), ("fit", get_args(Fit))):
        if row[key] not in words:
            raise UsageError(f"{where}: {key} is {row[key]!r}, not one of {', '.join(words)}.")
    for key in ("height", "width", "bytes"):
        if type(row[key]) is not int or row[key] < 1:
            raise UsageError(f"{where}: {key} is {row[key]!r}, not a whole number above 0.")
    for key in ("family", "asset", "licence", "sha256"):
        if not isinstance(row[key], str) or not row[key]:
            raise UsageError(f"{where}: {key} is {row[key]!r}, not a word.")
    if not re.fullmatch("[0-9a-f]{64}", row["sha256"]):
        raise UsageError(f"{where}: sha256 is {row['sha256']!r}, not 64 hexadecimal digits.")
    _check_optional(row, where)
    given = {key: row[key] for key in known & set(row)}
    given["input"], given["output"] = (_numbers(row[key], f"{where}: {key}") for key in ("input", "output"))
    given["passes"], given["golden"] = tuple(row.get("passes") or ()), row.get("golden") or {}
    return Tier(name=name, **given)


def _check_optional(row: Any, where: str) -> None:
    passes, golden, twin = row.get("passes") or [], row.get("golden") or {}, row.get("twin")
    if not isinstance(passes, list) or not all(isinstance(one, str) for one in passes):
        raise UsageError(f"{where}: passes is {passes!r}, not a list of words.")
    if not isinstance(golden, dict) or not all(_is_number(score) and 0 <= score <= 1 for score in golden.values()):
        raise UsageError(f"{where}: golden is {golden!r}, not a mapping from sets to scores from 0 to 1.")
    if twin is not None and (not isinstance(twin, str) or not twin):
        raise UsageError(f"{where}: twin is {twin!r}, not a word.")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _numbers(row: Any, where: str) -> Numbers:
    known = {one.name for one in fields(Numbers)}
    _check_keys(row, known, {"dtype"}, where)
    if row["dtype"] not in get_args(DType):
        raise UsageError(f"{where}: dtype is {row['dtype']!r}, not one of {', '.join(get_args(DType))}.")
    if not _is_number(row.get("scale", 1.0)) or not 0 < row.get("scale", 1.0) < math.inf:
        raise UsageError(f"{where}: scale is {row['scale']!r}, not a number above 0.")
    if type(row.get("zero_point", 0)) is not int:
        raise UsageError(f"{where}: zero_point is {row['zero_point']!r}, not a whole number.")
    return Numbers(**row)


def _check_keys(row: Any, known: set[str], needed: set[str], where: str) -> None:
    if not isinstance(row, dict):
        raise UsageError(f"{where} is not a mapping.")
    for key in row:
        if key not in known:
            raise UsageError(f"{where}: there is no field {key!r}; {did_you_mean(str(key), known)}")
    for key in sorted(needed - set(row)):
        raise UsageError(f"{where}: the field {key!r} is missing.")
