"""The shapes of the API's JSON, from which its OpenAPI is made."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from edgeseg.remote.wanted import MODES

Mode = Literal["blur", "color", "image", "video", "alpha", "none"]
assert set(MODES) == set(Mode.__args__)  # type: ignore[attr-defined]


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


_WHOLE = BeforeValidator(_whole)  # JSON knows no other 5 than 5.0; after what bounds it, for the schema to say so
_UNSET: Any = Field(default_factory=lambda: None)  # left out: stays as it is


class Shape(BaseModel):
    """A value of the API."""

    model_config = ConfigDict(extra="forbid")


class ProblemShape(BaseModel):
    """RFC 9457. detail: one sentence for people. setting: which one was refused. errors: all that is not valid."""

    model_config = ConfigDict(extra="allow", title="Problem")
    type: str
    title: str
    status: int
    detail: str


class Fact(Shape):
    """Something that happened; at: UNIX time."""

    number: int
    at: float
    kind: str
    what: str
    detail: str


class StageTimes(Shape):
    """Milliseconds a frame."""

    p50_ms: float
    p95_ms: float


class RungNow(Shape):
    """The rung that runs, and why."""

    name: str
    governed: bool
    steps_below_best: int | None
    reason: str | None
    words: str


class Pin(Shape):
    """A rung that the governor keeps to, for so many seconds more."""

    rung: str
    left_s: float


class Frames(Shape):
    """Counts since the start."""

    shown: int
    captured: int


class State(Shape):
    """What is so now. What is not known is null."""

    version: str
    instance: str
    at: float
    uptime_s: float
    status: Literal["starting", "running", "degraded", "off", "idle", "stalled", "ended"]
    sentence: str
    line: str
    fps: float | None
    target_fps: float | None
    source: str | None
    size: str | None
    live: bool | None
    sink: str | None
    tier: str | None
    engine: str | None
    engine_detail: str | None
    rung: RungNow
    pin: Pin | None
    stages: dict[str, StageTimes]
    latency_ms: float | None
    frames: Frames
    masks: dict[str, int]
    drops: dict[str, int]
    degraded: list[Fact]
    temp_c: float | None
    power_w: float | None
    memory_mb: float | None
    memory_available_mb: float | None
    cpu_cores: float | None
    throttled: bool | None
    under_voltage: bool | None
    viewers: int
    revision: str | None
    source_view: bool


class Settings(Shape):
    """Every setting as it is now. null: no limit, or the source's own rate."""

    on: bool
    mode: Mode
    blur_strength: int
    color: str
    background: str | None
    refine: bool
    target_fps: float | None
    temp_limit_c: float | None
    power_limit_w: float | None
    memory_limit_mb: int | None
    source: str
    tier: str
    engine: str
    hflip: bool
    vflip: bool
    max_mask_age_ms: float


class SettingsAnswer(Shape):
    """settings, their revision, and what was changed, in words."""

    revision: str
    settings: Settings
    changed: str | None = None


class Change(BaseModel):
    """What is to be different; what is left out stays."""

    model_config = ConfigDict(extra="forbid", strict=True)
    on: bool = _UNSET
    mode: Mode = _UNSET
    blur_strength: Annotated[int, Field(ge=1, le=100), _WHOLE] = _UNSET
    color: Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")] = _UNSET
    background: Annotated[str, Field(pattern="^([0-9a-f]{16}|configured)$")] = _UNSET
    refine: bool = _UNSET
    target_fps: Annotated[float, Field(ge=1, le=240, allow_inf_nan=False)] | None = _UNSET
    temp_limit_c: Annotated[float, Field(ge=30, le=125, allow_inf_nan=False)] | None = _UNSET
    power_limit_w: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] | None = _UNSET
    memory_limit_mb: Annotated[int, Field(ge=16, le=1_000_000), _WHOLE] | None = _UNSET
    source: Annotated[str, Field(min_length=1, max_length=200)] = _UNSET
    tier: Annotated[str, Field(min_length=1, max_length=100)] = _UNSET
    engine: Literal["auto", "cpu", "gpu", "npu", "edgetpu"] = _UNSET
    hflip: bool = _UNSET
    vflip: bool = _UNSET
    max_mask_age_ms: Annotated[float, Field(ge=0, le=60_000, allow_inf_nan=False)] = _UNSET


class Choice(Shape):
    """Something to choose; note: what to know of it before."""

    id: str
    title: str
    note: str = ""


class Choices(Shape):
    """What settings may be."""

    sources: list[Choice]
    tiers: list[Choice]
    engines: list[Choice]
    modes: list[Choice]


class Background(Shape):
    """A picture of the gallery; url, thumbnail: where to get it. is_used: it stands behind the person now."""

    id: str
    title: str
    width: int
    height: int
    bytes: int
    added_at: float
    url: str
    thumbnail: str
    is_used: bool


class SessionNow(Shape):
    """signed_in: requests are answered. needs_token: only with it. csrf: to be sent as X-CSRF-Token with each change.

    warnings: sentences, such as that the connection is not encrypted.
    """

    signed_in: bool
    needs_token: bool
    csrf: str | None
    warnings: list[str]


class TokenShown(BaseModel):
    """The token, to sign in."""

    model_config = ConfigDict(extra="forbid", strict=True)
    token: Annotated[str, Field(min_length=1, max_length=200)]


class PinWish(BaseModel):
    """A rung of the ladder, by name, and for how long."""

    model_config = ConfigDict(extra="forbid", strict=True)
    rung: Annotated[str, Field(min_length=1, max_length=200)]
    minutes: Annotated[float, Field(gt=0, le=1440, allow_inf_nan=False)] = 10.0


class RungShape(Shape):
    """A rung of the ladder. runs: it is the one that runs."""

    name: str
    kind: str
    every: int
    cost_ms: float
    quality: float
    memory_mb: float | None
    runs: bool


class Ladder(Shape):
    """The governor's rungs, cheapest first; note: why there are none."""

    rungs: list[RungShape]
    note: str


class Health(Shape):
    """status: as in State; detail: the sentence."""

    status: str
    detail: str
