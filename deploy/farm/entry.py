"""What every device's entry in the farm file may say; a kind adds its own keys to it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from edgeseg.config.profile import EngineWord

Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4096)]
Threads = Annotated[int, Field(ge=1, le=64)]
Few = Annotated[int, Field(ge=1)]


def as_list(value: Any) -> Any:
    """One thing is a list of one."""
    return value if isinstance(value, list) else [value]


class Keys(BaseModel):
    """Keys that people write: unknown ones are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PictureCounts(Keys):
    """How many pictures tiers of each precision see."""

    int8: Few
    float: Few


def _pictures(value: Any) -> Any:
    """One sentence for what may be written, and not one for each of the ways."""
    if value == "all" or isinstance(value, PictureCounts):
        return value
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if is_count or (isinstance(value, dict) and value.keys() == {"int8", "float"}):
        return value
    raise ValueError("write all, a number of 1 or more, or {int8: 4, float: 2}")


Pictures = Annotated[Literal["all"] | Few | PictureCounts, BeforeValidator(_pictures)]
Tiers = Annotated[list[Text], BeforeValidator(as_list), Field(min_length=1)]
Engines = Annotated[list[EngineWord], BeforeValidator(as_list), Field(min_length=1)]
ThreadCounts = Annotated[list[Threads], BeforeValidator(as_list), Field(min_length=1)]


class DeviceEntry(Keys):
    """A device: which candidates it runs on how many pictures, and how long that may take.

    tiers: names, or patterns such as "*-int8". What is None is as the farm file says for all devices. quick: a timing
    of a few inferences, which is not judged; without it a device whose times are real is timed as MLPerf does.
    cool_to_c: before timing it is waited, at most cool_max_s, until the chip is no hotter. env: of the environment.
    on_demand: it runs when it is named or the farm is run in full, for it takes long.
    """

    kind: Word
    tiers: Tiers | None = None
    engines: Engines | None = None
    threads: ThreadCounts | None = None
    pictures: Pictures | None = None
    timeout_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
    quick: bool = False
    cool_to_c: Annotated[float, Field(gt=0, le=150)] | None = None
    cool_max_s: Annotated[float, Field(ge=0, le=3600)] = 600.0
    allow_software_gpu: bool = False
    engine_library: Text | None = None
    engine_device: Text | None = None
    env: dict[str, str] = Field(default_factory=dict)
    on_demand: bool = False
