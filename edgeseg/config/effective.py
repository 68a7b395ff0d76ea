"""Files laid over each other, key by key: what holds in the end, and which line says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgeseg.config.match import Ranking
from edgeseg.config.profile import OWN_KEYS, Keys, Part
from edgeseg.config.profiles import Written
from edgeseg.errors import ConfigError

DEFAULT = "edgeseg's default"
# targets, limits, governor: laid over each other key by key too
_SECTIONS = frozenset(
    name
    for name, field in Keys.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Part)
)


@dataclass(frozen=True)
class Layer:
    """What one file says: its values by dotted key ("limits.temp_c"), and where each stands."""

    values: Mapping[str, Any]
    origin: Callable[[str], str]


@dataclass(frozen=True)
class Effective:
    """What holds: typed values, and for each that a file gave, "file:line". ranking: None if the profile was named."""

    profile: str
    keys: Keys
    origins: Mapping[str, str]
    ranking: Ranking | None = None

    def origin(self, key: str) -> str:
        """Where the value of a dotted key comes from: "file:line", or that nobody said anything."""
        return self.origins.get(key, DEFAULT)

    def is_given(self, key: str) -> bool:
        """Whether any file says something of a dotted key."""
        return key in self.origins

    def items(self) -> Iterator[tuple[str, Any, str]]:
        """(dotted key, typed value, origin) of every key there is, in the schema's order."""
        for name in Keys.model_fields:
            value = getattr(self.keys, name)
            if name in _SECTIONS:
                for inner in type(value).model_fields:
                    yield f"{name}.{inner}", getattr(value, inner), self.origin(f"{name}.{inner}")
            else:
                yield name, value, self.origin(name)


def layer(written: Written) -> Layer:
    """A checked file as a layer; keys that are about the file itself are left out."""
    values: dict[str, Any] = {}
    for name, value in written.data.items():
        if name in _SECTIONS:
            values |= {f"{name}.{inner}": one for inner, one in value.items()}
        elif name not in OWN_KEYS:
            values[name] = value
    return Layer(values, lambda key: written.where(key.split(".")))


def merge(layers: Iterable[Layer]) -> tuple[dict[str, Any], dict[str, str]]:
    """Values and origins by dotted key: the last layer that has a key wins. A list is one value."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for one in layers:
        values |= one.values
        origins |= {key: one.origin(key) for key in one.values}
    return values, origins


def lay(profile: str, files: Sequence[Written], ranking: Ranking | None = None) -> Effective:
    """All files of one board, the least important first. Raises ConfigError if they do not go together."""
    values, origins = merge(map(layer, files))
    nested: dict[str, Any] = {}
    for key, value in values.items():
        section, dot, inner = key.partition(".")
        if dot:
            nested.setdefault(section, {})[inner] = value
        else:
            nested[key] = value
    effective = Effective(profile, Keys.model_validate(nested), origins, ranking)
    governor = effective.keys.governor
    if governor.patience_s > governor.longest_patience_s:
        longer, longest = (effective.origin(f"governor.{key}") for key in ("patience_s", "longest_patience_s"))
        raise ConfigError(
            f"{longer}: governor.patience_s is {governor.patience_s:g}, which is more than"
            f" governor.longest_patience_s, {governor.longest_patience_s:g} ({longest})."
        )
    return effective
