"""The composition root: from words on a command line to objects that run."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

from edgeseg.backgrounds import BACKGROUNDS
from edgeseg.capture import SOURCES
from edgeseg.clock import Clock, SystemClock
from edgeseg.engines import APART, ENGINES
from edgeseg.errors import CandidateError, NotPermitted, OutputError, SourceError, UsageError, did_you_mean
from edgeseg.facts import Emit, Noted, ignore
from edgeseg.frames import Frame, PlanesPool, Size
from edgeseg.pipeline import EdgeWish, Mode, Pipeline
from edgeseg.ports import Background, Engine, EngineWish, FrameSink, FrameSource, ModelIO, SinkWish, SourceWish
from edgeseg.runtime import Limits, Runtime
from edgeseg.sinks import SINKS
from edgeseg.sinks.place import is_same, next_name
from edgeseg.stages.orient import orient
from edgeseg.tiers import files as tiers
from edgeseg.tiers.catalogue import AUTO, DEFAULT_TIER
from edgeseg.trust import KnownAnswer, fault_of

if TYPE_CHECKING:
    from edgeseg.engines.chroma import ChromaKey
    from edgeseg.failover.engine import Failover

Outlet = Callable[[FrameSink, Callable[[], FrameSink]], FrameSink]
VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi")
_ROOMS = {"alpha": Mode.ALPHA, "none": Mode.NONE}  # backgrounds that are none
_ENGINE_OPTIONS = (
    ("--allow-software-gpu", "allow_software_gpu", ("gpu",)),
    ("--engine-library", "engine_library", ("npu", "edgetpu")),
    ("--engine-device", "engine_device", ("npu", "edgetpu")),
)
_PATIENT_DEADLINE_S = 4.0  # where no frame comes by itself; the runtime waits for 5
CHROMA_SIZE = Size(640, 360)  # what half the chroma of a 720p frame holds; a finer key would see no more


@dataclass(slots=True)
class Settings:
    """One run, in the words of the command line."""

    source: str = "auto"
    background: str = "blur"
    sink: str = "null"
    tier: str = DEFAULT_TIER  # or "auto": what was measured to be best here, see `chosen`
    engine: str = "cpu"  # or "auto": what goes with the tier
    require_engine: bool = False  # no other may take its place
    segmenter: str = "tier"
    threads: int = 0
    allow_software_gpu: bool = False
    engine_library: str | None = None
    engine_device: str | None = None
    engine_deadline_s: float = 0.5  # of one inference, where the engine runs in a process of its own
    fps: Fraction | None = None
    size: Size | None = None
    frames: int | None = None
    realtime: bool = False
    refine: bool = True
    follow: bool | None = None  # None: of one picture by itself
    steady: bool = True
    tidy: bool = False
    feather: float = 0.0  # percent of the diagonal
    despill: bool = False
    light_wrap: bool = False
    whole_body: str | None = None  # the tier that is asked while one whole person is seen
    hflip: bool = False
    vflip: bool = False
    max_mask_age_s: float = 0.25
    idle: bool = True  # a camera rests while nobody reads the sink
    idle_after_s: float = 2.0
    seek_s: float | None = 10.0  # a lost camera is looked for so long; None: a sink too, for ever and at the start
    every: int = 1  # the engine is asked about each so many-th frame
    models: str | None = None  # a folder of tiers, looked in before the others
    key: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Run:
    """A runtime and what a report says of its parts. requested: the engine that was asked for, by name or by choice."""

    runtime: Runtime
    source: FrameSource
    sink: FrameSink
    pipeline: Pipeline
    engine: Engine | None
    tier: str | None
    requested: str | None


def build(settings: Settings, emit: Emit, clock: Clock | None = None, outlet: Outlet | None = None) -> Run:
    """Everything that a run needs, opened in the order in which it can be refused at the least cost.

    outlet: is given the sink and what opens it anew, and gives what is written to.
    """
    clock = clock or SystemClock()
    cv2.setNumThreads(1)  # the threads of the runtime fill the cores; OpenCV's own would only get in their way
    check_words(named(settings))
    refuse_same_file(settings)
    mode, background = open_background(settings.background)
    wish = SourceWish(settings.size, settings.fps, settings.realtime)
    opener = Opener(settings.source, wish, clock, emit)
    source = opener() if settings.seek_s is not None else opener.or_absent()
    try:
        fps = settings.fps or source.info.fps
        if not source.info.live:
            settings = replace(settings, engine_deadline_s=_PATIENT_DEADLINE_S)
        settings = settled(settings, mode, fps, emit)
        if settings.follow is None:
            settings = replace(settings, follow=source.info.frames == 1)
        sink_wish = SinkWish(fps, source.info.audio_from, mode is Mode.ALPHA)
        sink = open_sink_or_absent(settings, sink_wish, emit)
        if mode is Mode.ALPHA and not sink.keeps_alpha:
            raise UsageError(
                f"The sink {settings.sink} cannot hold transparency; write to images:DIR, a .webm or a .mov file."
            )
        if outlet is not None:
            sink = outlet(sink, partial(open_sink_anew, settings.sink, sink_wish, emit))
        pipeline, engine = make_pipeline(settings, mode, background, clock, emit)
    except BaseException:
        source.close()
        raise
    reopen = opener if is_camera(settings.source) else None
    flip = flip_of(settings)
    runtime = Runtime(source, pipeline, sink, clock, emit, limits_of(settings), flip, reopen=reopen)
    if settings.engine in APART and engine is not None:
        engine.lose = runtime.fail  # type: ignore[attr-defined]
    tier = settings.tier if engine and settings.segmenter == "tier" else None
    return Run(runtime, source, sink, pipeline, engine, tier, settings.engine if tier else None)


def limits_of(settings: Settings) -> Limits:
    """What the settings say to the runtime."""
    return Limits(
        settings.frames,
        settings.fps,
        settings.max_mask_age_s,
        infer_every=settings.every,
        idle_after_s=settings.idle_after_s if settings.idle else None,
        seek_s=settings.seek_s,
    )


def flip_of(settings: Settings) -> Flip | None:
    """What is done to each frame that the source gives."""
    return Flip(settings.hflip, settings.vflip) if settings.hflip or settings.vflip else None


def settled(settings: Settings, mode: Mode, fps: Fraction | None, emit: Emit) -> Settings:
    """The settings with a tier and an engine in place of "auto", said where one was chosen."""
    if settings.tier != AUTO or settings.segmenter != "tier" or mode is Mode.NONE:
        return named(settings)
    from edgeseg.chosen import choose_here  # here, for whoever names a tier need not wait for it

    chosen = choose_here(settings.engine, settings.threads, float(fps) if fps else None, settings.models)
    emit(Noted("tier", chosen.note))
    found = chosen.candidate
    was_auto = settings.engine == AUTO
    settings = replace(settings, tier=found.tier, engine=found.engine, threads=found.threads)
    return own_options(settings) if was_auto else settings


def named(settings: Settings) -> Settings:
    """The settings with the default tier and the engine cpu in place of "auto"."""
    tier = DEFAULT_TIER if settings.tier == AUTO else settings.tier
    if settings.engine == AUTO:
        settings = own_options(replace(settings, engine="cpu"))
    return replace(settings, tier=tier)


def refuse_loose_options(settings: Settings, flags: Collection[str]) -> None:
    """Raise UsageError for an engine's option that a flag gives without an engine."""
    for option, name, engines in _ENGINE_OPTIONS:
        if settings.engine == AUTO and name in flags and getattr(settings, name):
            raise UsageError(f"{option} belongs to --engine {' and '.join(engines)}; name the engine too.")


def own_options(settings: Settings) -> Settings:
    """Without the options of other engines than the one that was chosen."""
    plain = Settings()
    others = {name: getattr(plain, name) for _, name, engines in _ENGINE_OPTIONS if settings.engine not in engines}
    return replace(settings, **others)


def check_words(settings: Settings) -> None:
    """Raise UsageError for a word that names nothing, before anything is opened."""
    tiers.tier(settings.tier, settings.models)
    if settings.whole_body is not None:
        tiers.tier(settings.whole_body, settings.models)
    if settings.segmenter not in ("tier", "chroma"):
        raise UsageError(f"There is no segmenter {settings.segmenter!r}; choose tier or chroma.")
    if settings.key and settings.segmenter != "chroma":
        raise UsageError("The key's options belong to --segmenter chroma.")
    if settings.segmenter == "chroma" and settings.require_engine:
        raise UsageError("--require-engine belongs to --segmenter tier: a chroma key needs no engine.")
    if settings.engine not in ENGINES or settings.engine == "chroma":
        known = [name for name in ENGINES if name != "chroma"]
        raise UsageError(f"There is no engine {settings.engine!r}; {did_you_mean(settings.engine, known)}")
    for option, name, engines in _ENGINE_OPTIONS:
        if getattr(settings, name) and settings.engine not in engines:
            raise UsageError(
                f"{option} belongs to --engine {' and '.join(engines)}, and the engine is {settings.engine}."
            )
    if not 0 <= settings.threads <= 64:
        raise UsageError(f"--threads is {settings.threads}; give 1 to 64, or 0 for one less than the cores.")
    if not 0 <= settings.feather <= 2:  # nan is neither
        raise UsageError(f"--feather is {settings.feather:g}; give 0 to 2, in percent of the diagonal.")
    kind_of_sink(settings.sink)


def make_pipeline(
    settings: Settings, mode: Mode, background: Background | None, clock: Clock, emit: Emit = ignore
) -> tuple[Pipeline, Engine | None]:
    """The stages of a run and its engine; there is none where nothing is hidden."""
    if mode is Mode.NONE:
        return Pipeline(None, None, None, clock, mode=mode), None
    if settings.segmenter == "chroma":
        key = chroma_key(settings.key)
        engine: Engine = load("engine", "chroma", ENGINES)(CHROMA_SIZE.height, CHROMA_SIZE.width, key)
        known, colour = KnownAnswer.key(key.rgb), key.rgb
    else:
        known, colour = KnownAnswer.portrait(), None
        engine = make_pipeline_engine(settings, known, clock, emit)
    pipeline = Pipeline(
        engine,
        background,
        known,
        clock,
        mode=mode,
        refine=settings.refine,
        follow=bool(settings.follow),
        steady=settings.steady,
        tidy=settings.tidy,
        edges=edges_of(settings),
        key=colour,
    )
    return pipeline, engine


def edges_of(settings: Settings) -> EdgeWish:
    """What the settings say of the person's edge."""
    return EdgeWish(settings.feather / 100, settings.despill, settings.light_wrap)


def make_pipeline_engine(settings: Settings, known: KnownAnswer, clock: Clock, emit: Emit) -> Engine:
    """The engine of a run: an accelerator has the CPU behind it."""
    if settings.engine in APART:
        return make_failover(settings, known, clock, emit)
    return make_engine(settings)


def make_engine(settings: Settings) -> Engine:
    """The engine that runs the tier, its model checked against its hash."""
    check_words(settings)
    tier = tiers.tier(settings.tier, settings.models)
    model, wish = tiers.load(tier, settings.models), engine_wish(settings)
    return engine_of(settings.engine, model, tier.io, wish, settings.engine_deadline_s)


def make_failover(settings: Settings, known: KnownAnswer, clock: Clock, emit: Emit) -> Failover:
    """The tier on the settings' accelerator, with the CPU behind it unless that is refused.

    A tier that was compiled for an Edge TPU has its twin behind it.
    """
    from edgeseg.failover.engine import Failover

    check_words(settings)
    tier = tiers.tier(settings.tier, settings.models)
    model, wish = tiers.load(tier, settings.models), engine_wish(settings)
    substitute = None
    if not settings.require_engine:
        twin = tiers.tier(tier.twin, settings.models) if tier.twin else tier
        substitute = engine_of("cpu", tiers.load(twin, settings.models), twin.io, wish)
    present = presence(settings.engine)

    def start() -> Engine:
        try:
            return engine_of(settings.engine, model, tier.io, wish, settings.engine_deadline_s)
        except CandidateError as error:
            if present is not None:
                raise
            raise type(error)(f"No device for the {settings.engine} engine is seen on this board. {error}") from error

    faults = partial(fault_of, known=known)
    return Failover(settings.engine, start, substitute, faults, clock, emit, present=present)


def presence(engine: str, root: Path = Path("/")) -> Callable[[], bool] | None:
    """Whether the devices that this engine may use are still there; None if none was found, so that none can go."""
    from edgeseg.probe import accelerators

    paths = {path for one in accelerators(root) if one.engine == engine for path in (*one.nodes, *one.where)}
    there = [root / path.lstrip("/") for path in paths]
    return (lambda: any(path.exists() for path in there)) if there else None


def engine_wish(settings: Settings) -> EngineWish:
    """What the settings ask of an engine."""
    return EngineWish(
        threads=settings.threads or max(1, min(4, (os.cpu_count() or 1) - 1)),
        software=settings.allow_software_gpu,
        library=settings.engine_library,
        device=settings.engine_device,
    )


def engine_of(kind: str, model: bytes, io: ModelIO, wish: EngineWish, deadline_s: float = 0.5) -> Engine:
    """An engine of the table, in a process of its own if it is one of those that can take this one down.

    deadline_s: how long one inference may take there, see `ChildEngine`.
    """
    if kind in APART:
        from edgeseg.engines.child import ChildEngine

        return ChildEngine(kind, model, io, wish, deadline_s=deadline_s)
    engine: Engine = load("engine", kind, ENGINES)(model, io, wish)
    return engine


def chroma_key(options: Mapping[str, Any]) -> ChromaKey:
    """The key of these options: color (#rrggbb) gives the hue, the others are the fields of ChromaKey."""
    import dataclasses

    from edgeseg.engines.chroma import ChromaKey

    given = {name: value for name, value in options.items() if value is not None}
    colour = given.pop("color", None)
    key = ChromaKey.of(colour) if colour else ChromaKey()
    return dataclasses.replace(key, **given)


def open_source(spec: str, wish: SourceWish, clock: Clock, emit: Emit) -> FrameSource:
    """A source from PATH, camera:N, picamera2, gst:PIPELINE, file:PATH, images:PATH or auto."""
    if not spec.strip():
        raise UsageError("--source is empty; give a file, a folder, camera:0 or auto.")
    kind, where = split(spec, [*SOURCES, "auto"])
    if kind == "auto" and not where:
        return _auto_source(wish, clock, emit)
    if kind is None or kind == "auto":
        kind, where = _kind_of(spec), spec
    elif kind in ("camera", "gst", "file", "images") and not where:
        raise UsageError(f"The source {spec!r} does not say which; write {kind}:{_EXAMPLES[kind]}.")
    source: FrameSource = load("source", kind, SOURCES)(where, wish, clock, emit)
    return source


class Opener:
    """Opens a run's source, again and again: from the second time on the very device that it was at first.

    "auto" takes another camera if that one is gone.
    """

    def __init__(self, spec: str, wish: SourceWish, clock: Clock, emit: Emit) -> None:
        self._spec, self._wish, self._clock, self._emit = spec, wish, clock, emit

    def __call__(self) -> FrameSource:
        """Raises as `open_source` does, SourceError if the device is not there."""
        source = open_source(self._spec, self._wish, self._clock, self._emit)
        if source.info.identity is not None:
            self._wish = replace(self._wish, identity=source.info.identity)
        return source

    def or_absent(self) -> FrameSource:
        """The same; in the place of a camera that cannot be had now, one that says so as soon as it is read."""
        try:
            return self()
        except (SourceError, NotPermitted) as error:
            if not is_camera(self._spec):
                raise
            from edgeseg.capture.absent import AbsentSource

            return AbsentSource(error, self._wish)


def is_camera(spec: str) -> bool:
    """Whether a source can be opened anew and gives what is seen then, as a file does not."""
    return split(spec, [*SOURCES, "auto"])[0] in ("auto", "camera", "picamera2", "gst")


_EXAMPLES = {
    "camera": "0",
    "gst": "videotestsrc",
    "file": "clip.mp4",
    "images": "folder",
    "v4l2": "/dev/video9",
    "image": "beach.jpg",
    "video": "waves.mp4",
}


def _kind_of(spec: str) -> str:
    """Whether a path is pictures or a video, by what is there."""
    from edgeseg.capture.images import is_picture

    path = Path(spec)
    try:
        if path.is_dir():
            return "images"
        if not path.exists():
            raise _not_there(spec)
        if path.is_char_device():
            raise SourceError(f"{spec} is a device and no file; did you mean 'camera:{spec}'?")
        # A pipe gives its bytes once: they are left to the decoder.
        return "images" if path.is_file() and is_picture(path) else "file"
    except PermissionError:
        raise NotPermitted(f"{spec} may not be read by this user; change its permissions or the user.") from None
    except OSError as error:
        raise SourceError(f"{spec} cannot be read: {error.strerror}; check the path.") from None


def _not_there(spec: str) -> SourceError:
    """The sentence about a source that is no file: what was meant, as far as can be told."""
    if spec.isdecimal() or re.fullmatch(r"/dev/video\d+", spec):
        return SourceError(f"There is no file {spec}; did you mean the camera, 'camera:{spec}'?")
    if "://" in spec:
        return SourceError(
            f"{spec} is an address, and files and cameras are read here; for a stream give a pipeline, gst:PIPELINE."
        )
    if Path(spec).is_symlink():
        return SourceError(f"{spec} is a link that leads nowhere; give a video, a picture or a folder of pictures.")
    word = re.match(r"([a-z0-9]+)(?::|$)", spec)
    if word and (":" in spec or "." not in spec):
        return SourceError(
            f"There is no source {spec!r}: no such file or folder, nor a kind of source;"
            f" {did_you_mean(word[1], [*SOURCES, 'auto'])}"
        )
    return SourceError(f"{spec} is not there; give a video, a picture or a folder of pictures.")


def _auto_source(wish: SourceWish, clock: Clock, emit: Emit) -> FrameSource:
    """The first camera that opens; every refusal is told if none does."""
    from edgeseg.capture.v4l2_devices import cameras

    anywhere = replace(wish, identity=None)
    tries = [("picamera2", "", anywhere)] + [("camera", str(camera.path), anywhere) for camera in cameras()]
    if wish.identity is not None:
        tries.insert(0, ("camera", "auto", wish))
    refusals = []
    for kind, where, wanted in tries:
        try:
            source: FrameSource = load("source", kind, SOURCES)(where, wanted, clock, emit)
        except (SourceError, NotPermitted) as error:
            refusals.append(str(error))
        else:
            return source
    told = " ".join(refusals)
    raise SourceError(f"No camera was found; plug one in, or give --source a file. {told}".strip())


def open_sink(spec: str, wish: SinkWish, emit: Emit) -> FrameSink:
    """A sink from file:PATH, images:DIR, null, v4l2:/dev/videoN or -."""
    kind, where = kind_of_sink(spec)
    sink: FrameSink = load("sink", kind, SINKS)(where, wish, emit)
    return sink


def open_sink_or_absent(settings: Settings, wish: SinkWish, emit: Emit) -> FrameSink:
    """The sink; where it is looked for ever, one that says what is wrong as soon as it is written to."""
    try:
        return open_sink(settings.sink, wish, emit)
    except (OutputError, NotPermitted) as error:
        if settings.seek_s is not None or wish.alpha:
            raise
        from edgeseg.sinks.absent import AbsentSink

        return AbsentSink(error)


def open_sink_anew(spec: str, wish: SinkWish, emit: Emit) -> FrameSink:
    """The same for a sink that has failed: what was recorded in a file stays, and another one is begun."""
    return open_sink(beside(spec), wish, emit)


def beside(spec: str) -> str:
    """The same sink; where it would write over what is there, one of the next name."""
    kind, where = kind_of_sink(spec)
    return f"{kind}:{next_name(Path(where))}" if kind in ("file", "images") else spec


def kind_of_sink(spec: str) -> tuple[str, str]:
    """(kind, where) of a sink; raises UsageError if the words name none."""
    kind, where = split(spec, SINKS)
    if kind is None or (kind in ("null", "-") and kind != spec):
        word, colon, _ = spec.partition(":")
        if Path(spec).suffix and not colon:
            meant = "images" if Path(spec).suffix.lower() in (".png", ".jpg", ".jpeg") else "file"
            raise UsageError(f"There is no sink {spec!r}; did you mean '{meant}:{spec}'?")
        if spec.startswith("/dev/video"):
            raise UsageError(f"There is no sink {spec!r}; did you mean 'v4l2:{spec}'?")
        raise UsageError(f"There is no sink {spec!r}; {did_you_mean(word, SINKS)}")
    if kind in ("file", "images", "v4l2") and not where:
        raise UsageError(f"The sink {spec!r} does not say where; write {kind}:{_EXAMPLES[kind]}.")
    return kind, where


def open_background(spec: str) -> tuple[Mode, Background | None]:
    """A mode and a background from blur[:N], image:PATH, video:PATH, color:#RRGGBB, alpha or none."""
    kind, where = kind_of_background(spec)
    if kind in _ROOMS:
        return _ROOMS[kind], None
    background: Background = load("background", kind, BACKGROUNDS)(where)
    return Mode.REPLACE, background


def kind_of_background(spec: str) -> tuple[str, str]:
    """(kind, where) of a background; raises UsageError if the words name none. Opens nothing."""
    if spec in _ROOMS:
        return spec, ""
    kind, where = split(spec, BACKGROUNDS)
    if kind is None:
        word, colon, _ = spec.partition(":")
        if Path(spec).suffix and not colon:
            meant = "video" if Path(spec).suffix.lower() in VIDEO_SUFFIXES else "image"
            raise UsageError(f"There is no background {spec!r}; did you mean '{meant}:{spec}'?")
        raise UsageError(f"There is no background {spec!r}; {did_you_mean(word, [*BACKGROUNDS, *_ROOMS])}")
    if kind in ("image", "video") and not where:
        raise UsageError(f"The background {spec!r} does not say which; write {kind}:{_EXAMPLES[kind]}.")
    return kind, where


def refuse_same_file(settings: Settings) -> None:
    """Raise UsageError if the sink would write over what is read."""
    kind, target = split(settings.sink, SINKS)
    if kind not in ("file", "images"):
        return
    read = [settings.source.removeprefix("file:").removeprefix("images:")]
    read += [settings.background.partition(":")[2]]
    for path in read:
        taken = is_same(Path(target), Path(path))
        # A folder of pictures is not the picture in it, but would be given one of that name.
        taken |= Path(path).name.startswith("frame_") and is_same(Path(target), Path(path).parent)
        if path and taken:
            raise UsageError(f"The sink {settings.sink} would write over what is read from {path}; choose another.")


def split(spec: str, kinds: Iterable[str]) -> tuple[str | None, str]:
    """(kind, the rest) of `kind:rest` or `kind`; (None, spec) if it begins with no known kind."""
    kind, _, rest = spec.partition(":")
    return (kind, rest) if kind in kinds else (None, spec)


def load(what: str, name: str, table: Mapping[str, str]) -> Any:
    """The class behind a name; its module, and so its libraries, are imported here."""
    module, _, attribute = table[name].partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:  # AttributeError: a library older than what was asked for
        raise CandidateError(
            f"The {what} {name} cannot be loaded: {error}; a package it needs is missing or too old (video files need"
            " PyAV 14 or newer): install edgeseg with its dependencies again."
        ) from error


class Flip:
    """Mirrors frames, in buffers that go round."""

    def __init__(self, hflip: bool, vflip: bool) -> None:
        self._hflip, self._vflip = hflip, vflip
        self._pool: PlanesPool | None = None

    def __call__(self, frame: Frame) -> Frame:
        """A mirrored frame of the same size and times."""
        if self._pool is None or self._pool.size != frame.size:
            self._pool = PlanesPool(frame.size)
        planes = self._pool.take()
        orient(frame.planes, planes, 0, self._hflip, self._vflip, frame.size)
        return self._pool.lend(
            Frame(planes, frame.size, frame.index, frame.pts, frame.time_base, frame.color, frame.captured_at)
        )
