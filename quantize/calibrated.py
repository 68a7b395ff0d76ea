"""What INT8 must know of real pictures, as a file that is kept in git: `quantize/calibration/<family>-<h>x<w>.json`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeseg.errors import UsageError, did_you_mean
from quantize.graph.graph import ModelError

FOLDER = Path(__file__).with_name("calibration")
_DIGITS = 4
_FIELDS = ("family", "height", "width", "untied", "ranges", "factors", "bias")


def rounded(value: float) -> float:
    """A figure of four digits: what is kept, and so what is scored while it is searched for."""
    return float(f"{value:.{_DIGITS}g}")


@dataclass(slots=True)
class Calibration:
    """Learned from pictures for one family at one size; tensors are named as in the prepared graph.

    untied: sums whose operands get scales of their own, see `graph.passes.equalize`. ranges: tensor -> (least, most)
    that 8 bits must span, in the tensor's unit after equalisation. factors: group of tensors -> factor for each
    channel. bias: a convolution's result -> what is added to its bias, for each channel.
    """

    family: str
    height: int
    width: int
    untied: tuple[str, ...] = ()
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    factors: dict[str, tuple[float, ...]] = field(default_factory=dict)
    bias: dict[str, tuple[float, ...]] = field(default_factory=dict)

    @staticmethod
    def of(family: str, height: int, width: int, folder: Path = FOLDER) -> Calibration:
        """The one that is kept for a family and size; raises UsageError if none is, ModelError if it is broken."""
        name = f"{family}-{height}x{width}"
        file = folder / f"{name}.json"
        if not file.is_file():
            known = [path.stem for path in folder.glob("*.json")]
            hint = did_you_mean(name, known) if known else "run python -m quantize calibrate."
            raise UsageError(f"There is no calibration for {name} in {folder}; {hint}")
        try:
            made = Calibration.from_json(file.read_text("utf-8"))
        except (ModelError, UnicodeDecodeError) as error:
            raise ModelError(f"{file}: {error}") from error
        if (made.family, made.height, made.width) != (family, height, width):
            raise ModelError(f"{file} is of {made.family} at {made.height}x{made.width}, which its name denies.")
        return made

    @staticmethod
    def from_json(text: str) -> Calibration:
        """What `to_json` wrote; raises ModelError that says what is wrong."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ModelError(f"A calibration must be JSON: {error}.") from error
        if not isinstance(data, dict):
            raise ModelError("A calibration must be a JSON object.")
        for name in data:
            if name not in _FIELDS:
                raise ModelError(f"A calibration has no {name!r}; {did_you_mean(name, _FIELDS)}")
        missing = [name for name in _FIELDS if name not in data]
        if missing:
            raise ModelError(f"The calibration lacks {missing[0]!r}.")
        family, height, width = data["family"], data["height"], data["width"]
        if not isinstance(family, str) or not all(type(side) is int and side > 0 for side in (height, width)):
            raise ModelError("The calibration's family must be a word, its height and width whole numbers above 0.")
        untied = data["untied"]
        if not isinstance(untied, list) or not all(isinstance(name, str) for name in untied):
            raise ModelError("The calibration's untied must be a list of names.")
        ranges = {name: (low, high) for name, (low, high) in _vectors(data, "ranges", 2).items()}
        for name, (low, high) in ranges.items():
            if not low <= 0 <= high or low == high:
                raise ModelError(f"The calibration's range of {name}, {low:g} to {high:g}, must hold 0 and more.")
        factors = _vectors(data, "factors")
        for name, values in factors.items():
            if min(values) <= 0:
                raise ModelError(f"The calibration's factors of {name} must be above 0.")
        return Calibration(family, height, width, tuple(untied), ranges, factors, _vectors(data, "bias"))

    def to_json(self) -> str:
        """As JSON: one line for each tensor, figures of four digits."""
        lines = [f'"family": {json.dumps(self.family)}', f'"height": {self.height}', f'"width": {self.width}']
        lines.append(f'"untied": {json.dumps(list(self.untied))}')
        for name, table in (("ranges", self.ranges), ("factors", self.factors), ("bias", self.bias)):
            rows = (f"  {json.dumps(key)}: [{', '.join(map(_text, values))}]" for key, values in table.items())
            lines.append(f'"{name}": {{\n' + ",\n".join(rows) + "\n}")
        return "{\n" + ",\n".join(lines) + "\n}\n"

    def range_of(self, name: str) -> tuple[float, float]:
        """A tensor's range; raises ModelError if there is none."""
        if name not in self.ranges:
            raise ModelError(f"The calibration has no range for {name}; run python -m quantize calibrate.")
        return self.ranges[name]


def _text(value: float) -> str:
    return f"{value:.{_DIGITS}g}"


def _vectors(data: Mapping[str, Any], name: str, length: int | None = None) -> dict[str, tuple[float, ...]]:
    """One of the tables: words -> lists of finite numbers."""
    table = data[name]
    if not isinstance(table, dict):
        raise ModelError(f"The calibration's {name} must be an object.")
    for key, values in table.items():
        sound = isinstance(values, list) and values and (length is None or len(values) == length)
        if not sound or not all(type(v) in (int, float) and math.isfinite(v) for v in values):
            raise ModelError(f"The calibration's {name} of {key} must be a list of {length or 'finite'} numbers.")
    return {key: tuple(map(float, values)) for key, values in table.items()}
