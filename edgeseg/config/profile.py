"""What a profile of a kind of board and a user's config file may say: their keys, types, units and bounds.

The words at the top level are those of `edgeseg run`. Every key may be left out: files are laid over each other key by
key (`edgeseg.config.effective`), and what no file says has the default given here.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)

from edgeseg.config.quantities import RATE_HELP, SIZE_HELP, rate_of, size_of
from edgeseg.frames import Size


def _size(value: Any) -> Size:
    size = value if isinstance(value, Size) else size_of(value) if isinstance(value, str) else None
    if size is None:
        raise ValueError(SIZE_HELP)
    return size


def _rate(value: Any) -> Fraction:
    number = isinstance(value, (int, float, Fraction)) and not isinstance(value, bool)
    fps = rate_of(str(value)) if number or isinstance(value, str) else None
    if fps is None:
        raise ValueError(RATE_HELP)
    return fps


def _text(value: Any) -> str:
    return str(value)


def _null_is_a_word(value: Any) -> Any:
    """`sink: null` is YAML for nothing, but people mean the sink of that name."""
    return "null" if value is None else value


def _words(value: Any) -> Any:
    """One word is a list of one; a number is the word that it is written as."""
    many = value if isinstance(value, list) else [value]
    return [str(one) if isinstance(one, int) and not isinstance(one, bool) else one for one in many]


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4096)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
Words = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=200)]],
    BeforeValidator(_words),
    Field(min_length=1, max_length=64),
    WithJsonSchema(
        {"anyOf": [{"type": ["string", "integer"]}, {"type": "array", "items": {"type": ["string", "integer"]}}]}
    ),
]
SizeWord = Annotated[
    Size,
    PlainValidator(_size),
    PlainSerializer(_text),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,5}[xX][0-9]{1,5}$"}),
]
Rate = Annotated[
    Fraction,
    PlainValidator(_rate),
    PlainSerializer(_text),
    WithJsonSchema({"type": ["number", "string"], "examples": [30, "30000/1001"]}),
]
EngineWord = Literal["cpu", "gpu", "npu", "edgetpu"]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Part(BaseModel):
    """Values that are checked once and never change; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Targets(Part):
    """What to aim at. A camera is asked for it; a file is taken as it is."""

    fps: Rate = Field(
        default_factory=lambda: Fraction(30),  # for JSON has no fractions, and no sizes
        description="Frames a second to hold.",
        json_schema_extra={"default": 30},
    )
    size: SizeWord = Field(
        default_factory=lambda: Size(1280, 720),
        description="Size of the picture, WIDTHxHEIGHT.",
        json_schema_extra={"default": "1280x720"},
    )


class Limits(Part):
    """What must not be passed, even if a target is missed for it; null: no limit."""

    temp_c: Annotated[float, Field(ge=30, le=125, allow_inf_nan=False)] | None = Field(
        default=None, description="The hottest that any thermal zone may be, in degrees Celsius."
    )
    power_w: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] | None = Field(
        default=None, description="What the whole board may draw, in watts; not kept where nothing measures it."
    )
    memory_mb: Annotated[int, Field(ge=16, le=1_000_000)] | None = Field(
        default=None, description="Resident memory that edgeseg may take, in MB of 10^6 bytes."
    )


class Governor(Part):
    """How patient the governor is before it tries a better rung."""

    patience_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = Field(
        default=4.0, description="Seconds for which all must be well before a better rung is tried."
    )
    longest_patience_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = Field(
        default=300.0, description="Patience toward a rung that failed grows, up to so many seconds."
    )


class Keys(Part):
    """All that a profile and a config file have in common."""

    source: Line = Field(default="auto", description="PATH, camera:N, picamera2, gst:PIPELINE or auto.")
    background: Line = Field(
        default="blur", description="blur[:1-100], image:PATH, video:PATH, color:#RRGGBB, alpha or none."
    )
    sink: Annotated[Line, BeforeValidator(_null_is_a_word)] = Field(
        default="null",
        description="file:PATH, images:DIR, null, v4l2:/dev/videoN or -.",
        json_schema_extra={"type": ["string", "null"]},
    )
    tier: Line | None = Field(default=None, description="The model tier; null: the default one.")
    engine: EngineWord | None = Field(default=None, description="The one engine to use; null: not said.")
    engines: Annotated[list[EngineWord], Field(min_length=1, max_length=8)] = Field(
        default=["cpu"], description="Engines to try, in this order, each only where its hardware was found."
    )
    segmenter: Literal["tier", "chroma"] = Field(default="tier", description="A model, or a screen of one colour.")
    key_color: Line | None = Field(default=None, description="chroma: the screen's colour, #RRGGBB.")
    key_tolerance: Annotated[float, Field(ge=0, le=180, allow_inf_nan=False)] | None = Field(
        default=None, description="chroma: degrees of hue that are still the screen."
    )
    key_saturation: Share | None = Field(default=None, description="chroma: what is paler is not the screen.")
    key_value: Share | None = Field(default=None, description="chroma: what is darker is not the screen.")
    key_softness: Share | None = Field(default=None, description="chroma: how soft the key's borders are.")
    threads: Annotated[int, Field(ge=0, le=64)] = Field(
        default=0, description="Threads of the engine; 0: by the cores."
    )
    size: SizeWord | None = Field(default=None, description="Asked of a camera in place of targets.size.")
    fps: Rate | None = Field(default=None, description="In place of targets.fps; also thins out a file.")
    refine: bool = Field(default=True, description="Let the mask follow the picture's edges.")
    follow: bool = Field(default=False, description="Show the model the part where somebody was found.")
    steady: bool = Field(default=True, description="Smooth masks over time where the model is unsure.")
    tidy: bool = Field(default=False, description="Take out specks, shut holes.")
    hflip: bool = Field(default=False, description="Mirror left and right.")
    vflip: bool = Field(default=False, description="Mirror top and bottom.")
    max_mask_age_ms: Annotated[float, Field(ge=0, le=60_000, allow_inf_nan=False)] = Field(
        default=250.0, description="Milliseconds that a live frame's mask may be old; then it is covered."
    )
    idle: bool = Field(default=True, description="Let camera and model rest while nobody reads the sink.")
    idle_after_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = Field(
        default=2.0, description="Seconds without a reader before they rest."
    )
    models: Line | None = Field(default=None, description="A folder of tiers to look in first.")
    allow_software_gpu: bool = Field(
        default=False, description="Let a GPU driver that computes on the CPU count as a GPU."
    )
    engine_library: Line | None = Field(default=None, description="edgetpu: its library; npu: its vendor's folder.")
    engine_device: Line | None = Field(
        default=None, description="npu of Intel: NPU, GPU or CPU; edgetpu: usb, pci, usb:0."
    )
    targets: Targets = Field(default_factory=Targets, description="What to aim at.")
    limits: Limits = Field(default_factory=Limits, description="What must not be passed.")
    governor: Governor = Field(default_factory=Governor, description="How patient to be.")


class Rule(Part):
    """What a board must be for a profile; all facts named have to fit, of each one of its patterns.

    Patterns are compared without regard to case; * and ? stand for anything. In the order in which a fact that comes
    later tells more than all before it together.
    """

    architecture: Words | None = Field(default=None, description="As uname says, such as aarch64.")
    userland_bits: Words | None = Field(default=None, description="Of the programs: 32 or 64.")
    virtual: Words | None = Field(default=None, description="The kind of virtual machine.")
    accelerator: Words | None = Field(default=None, description="gpu, npu or edgetpu, or an accelerator's name.")
    cpu: Words | None = Field(default=None, description="The processor's model.")
    vendor: Words | None = Field(default=None, description="Who made the board, as its firmware says.")
    jetpack: Words | None = Field(default=None, description="The JetPack series of a Jetson.")
    soc: Words | None = Field(default=None, description="The chip, such as BCM2712.")
    model: Words | None = Field(default=None, description="The board's name.")
    compatible: Words | None = Field(default=None, description="The devicetree's words, such as raspberrypi,5-model-b.")


FACTS = tuple(Rule.model_fields)


class Profile(Keys):
    """A kind of board: targets, limits, what to try."""

    title: Line = Field(description="What kind of board this is, for people.")
    extends: Name | None = Field(default=None, description="The profile whose keys hold where this one says nothing.")
    match: list[Rule] = Field(default=[], description="Rules, of which one must fit; {} fits every board.")


class ConfigFile(Keys):
    """A user's file: what is different here, and optionally which profile to take."""

    profile: Name | None = Field(
        default=None, description="The profile to take; null: the one that fits the board best."
    )


OWN_KEYS = ("title", "extends", "match", "profile")  # of one file, and not handed down
