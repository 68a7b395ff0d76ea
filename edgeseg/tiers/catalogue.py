"""The catalogue: which model tiers there are, and how each is fed and read."""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from edgeseg.errors import UsageError, did_you_mean
from edgeseg.ports import ModelIO

DEFAULT_TIER = "selfie-landscape-144x256-fp16"

Precision = Literal["fp32", "fp16", "int8"]
Fit = Literal["stretch", "letterbox"]
DType = Literal["float32", "uint8"]
Output = Literal["probability", "logit"]

_WORDS: dict[str, tuple[str, ...]] = {
    "precision": get_args(Precision),
    "fit": get_args(Fit),
    "dtype": get_args(DType),
    "output": get_args(Output),
}
# The port knows these two inputs only; a model that wants another range needs a new word there first.
_RANGES = {"float32": (0.0, 1.0), "uint8": (0.0, 255.0)}


@dataclass(frozen=True, slots=True)
class Tier:
    """One model variant.

    asset: of `edgeseg.assets`, the `.tflite` file. family: tiers of one family share their weights. height, width:
    of the input, in pixels. precision: of the weights. sha256 (hex), bytes: of the file. fit, dtype, output:
    see `ports.ModelIO`. input_range: what black and white are fed as.
    """

    name: str
    asset: str
    family: str
    height: int
    width: int
    precision: Precision
    sha256: str
    bytes: int
    fit: Fit
    dtype: DType
    input_range: tuple[float, float]
    output: Output
    licence: str

    @property
    def io(self) -> ModelIO:
        """How an engine feeds and reads it."""
        return ModelIO(self.height, self.width, self.fit, self.dtype, self.output)


def tier(name: str = DEFAULT_TIER) -> Tier:
    """The tier of that name; raises UsageError with the nearest name if there is none."""
    known = catalogue()
    if name not in known:
        raise UsageError(f"There is no tier {name!r}; {did_you_mean(name, known)}")
    return known[name]


@functools.cache
def catalogue() -> dict[str, Tier]:
    """The tiers of this version, by name."""
    return read(Path(__file__).with_name("catalogue.yaml"))


def read(path: Path) -> dict[str, Tier]:
    """Read a catalogue; raises UsageError that names the file, the tier and the field."""
    try:
        # libyaml's loader where PyYAML was built with it: ten times faster, and start-up time is counted.
        rows = yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"The catalogue {path} cannot be read: {' '.join(str(error).split())}.") from error
    if not isinstance(rows, dict):
        raise UsageError(f"The catalogue {path} is not a mapping from tiers to their fields.")
    return {str(name): _tier(str(name), row, path) for name, row in rows.items()}


def _tier(name: str, row: Any, path: Path) -> Tier:
    where = f"{path}: tier {name}"
    if not isinstance(row, dict):
        raise UsageError(f"{where} is not a mapping.")
    known = {field.name for field in fields(Tier)} - {"name"}
    for field in row:
        if field not in known:
            raise UsageError(f"{where}: there is no field {field!r}; {did_you_mean(str(field), known)}")
    for field in sorted(known):
        if field not in row:
            raise UsageError(f"{where}: the field {field!r} is missing.")
        if field in _WORDS and row[field] not in _WORDS[field]:
            raise UsageError(f"{where}: {field} is {row[field]!r}, not one of {', '.join(_WORDS[field])}.")
    for field in ("height", "width", "bytes"):
        if type(row[field]) is not int or row[field] < 1:
            raise UsageError(f"{where}: {field} is {row[field]!r}, not a whole number above 0.")
    if row["input_range"] != list(_RANGES[row["dtype"]]):
        raise UsageError(f"{where}: an input of {row['dtype']} ranges over {list(_RANGES[row['dtype']])}.")
    return Tier(name=name, **(row | {"input_range": _RANGES[row["dtype"]]}))
