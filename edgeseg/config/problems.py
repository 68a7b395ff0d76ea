"""What pydantic found wrong, as sentences for the person who wrote the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from edgeseg.config.quantities import same_in_another_unit, unit_of
from edgeseg.config.yaml_lines import Loc, Where
from edgeseg.errors import did_you_mean

_WANTED = {
    "float_type": "write a number",
    "int_type": "write a whole number",
    "finite_number": "write a finite number",
    "bool_type": "write true or false",
    "string_type": "write text, in quotation marks if need be",
    "list_type": "write a list, such as [a, b]",
    "literal_error": "choose {expected}",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be {ge:g} or more",
    "less_than_equal": "must be {le:g} or less",
    "too_short": "must hold at least one",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must be lower-case letters, digits, '.', '_' and '-'",
}


def sentences(error: ValidationError, model: type[BaseModel], where: Where) -> list[str]:
    """One line "file:line: path: what is wrong" for each error, in the order of the file.

    An unknown key says which known one is nearest. `where` is that of `yaml_lines.load`.
    """
    lines: list[tuple[int, str]] = []
    for problem in error.errors(include_url=False):
        loc = tuple(problem["loc"])
        place = where(loc)
        path = _dotted(loc)
        if problem["type"] in ("extra_forbidden", "invalid_key"):  # the latter is a number, or nothing
            key = str(loc[-1])
            text = f"{_dotted((*loc[:-1], key))!r} is no known key: {_known(key, _keys(model, loc[:-1]))}"
        elif problem["type"] == "missing":
            text = f"{path!r} is missing."
        elif problem["type"] in ("model_type", "model_attributes_type", "dict_type"):
            text = f"{path} must be a mapping of keys to values{_given(problem['input'])}."
        else:
            text = f"{path}: {wanted(problem)}{_in_unit(loc)}."
        lines.append((int(place.rpartition(":")[2]), f"{place}: {text}"))
    return [text for _, text in sorted(lines, key=lambda line: line[0])]


def wanted(problem: Mapping[str, Any]) -> str:
    """What to write instead of what was written, of one of pydantic's `errors()`.

    In pydantic's own words, which change with its versions, only where we have none.
    """
    if problem["type"] in _WANTED:
        text = _WANTED[problem["type"]].format_map(problem.get("ctx", {}))
    else:
        said: str = problem["msg"].removeprefix("Value error, ").rstrip(".")
        text = f"{said[:1].lower()}{said[1:]}"
    return f"{text}{_given(problem['input'])}"


def _known(word: str, keys: list[str]) -> str:
    """The end of a sentence about an unknown key: another's name may differ in its unit only."""
    same = same_in_another_unit(word, keys)
    return f"did you mean {same!r}, in {unit_of(same)}?" if same else did_you_mean(word, keys)


def _in_unit(loc: Loc) -> str:
    unit = unit_of(str(loc[-1])) if loc else None
    return f"; write {unit} as a plain number" if unit else ""


def _given(value: Any) -> str:
    """What was written instead, where that fits into a sentence."""
    if value is None:
        return ", not empty"
    if isinstance(value, (str, int, float)):
        shown = repr(value)
        return f", not {shown}" if len(shown) <= 60 else ""
    return ""


def _dotted(loc: Loc) -> str:
    """A loc as people write it: items[3].image; the document itself is "the file"."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc).lstrip(".")
    return text or "the file"


def _keys(model: type[BaseModel], loc: Loc) -> list[str]:
    """The keys that the model knows at `loc`; those of the outermost model where it cannot be followed."""
    here: type[BaseModel] = model
    for step in loc:
        if isinstance(step, int) or step not in here.model_fields:
            continue
        inner = _model_in(here.model_fields[step].annotation)
        if inner is not None:
            here = inner
    return [field.alias or name for name, field in here.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The first model inside an annotation such as list[Item] or Item | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)
