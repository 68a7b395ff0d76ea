"""`edgeseg run`: the main job."""

# ruff: noqa: T201 - what is printed here is the output
from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeseg.command import say
from edgeseg.commands.options import (
    FILE,
    EngineDeviceOption,
    EngineLibraryOption,
    FollowIfOption,
    JsonOption,
    ModelsOption,
    RefineOption,
    SoftwareGpuOption,
    SteadyOption,
    ThreadsOption,
    TidyOption,
    WholeBodyOption,
    given,
)
from edgeseg.errors import EdgesegError, UsageError
from edgeseg.stopping import NOTHING_YET, Stoppable, Stopped, stoppable_run

if TYPE_CHECKING:
    from edgeseg.build import Settings
    from edgeseg.families import Families
    from edgeseg.governed import Governed, Wish
    from edgeseg.outside import OutsideWish, RunOutside
    from edgeseg.report import ProcessStart


def run(
    context: typer.Context,
    source: Annotated[str, typer.Option(help="PATH, camera:N, picamera2, gst:PIPELINE or auto.")] = "auto",
    background: Annotated[
        str, typer.Option(help="blur[:1-100], image:PATH, video:PATH, color:#RRGGBB, alpha or none.")
    ] = "blur",
    sink: Annotated[str, typer.Option(help="file:PATH, images:DIR, null, v4l2:/dev/videoN or -.")] = "null",
    tier: Annotated[
        str, typer.Option(help="Model tier, see `edgeseg tiers`; auto: the best for the rate, by edgeseg calibrate.")
    ] = "auto",
    engine: Annotated[
        str, typer.Option(help="How to run the tier: cpu, gpu, npu or edgetpu; auto: as was best here.")
    ] = "auto",
    require_engine: Annotated[
        str | None, typer.Option(help="As --engine; where it fails, end with exit code 4 and do not go on with cpu.")
    ] = None,
    allow_software_gpu: SoftwareGpuOption = False,
    engine_library: EngineLibraryOption = None,
    engine_device: EngineDeviceOption = None,
    segmenter: Annotated[str, typer.Option(help="tier or chroma (a screen of one colour).")] = "tier",
    key_color: Annotated[str | None, typer.Option(help="chroma: the screen's colour, #RRGGBB.")] = None,
    key_tolerance: Annotated[
        float | None, typer.Option(help="chroma: degrees of hue that are still the screen.")
    ] = None,
    key_saturation: Annotated[float | None, typer.Option(help="chroma: what is paler (0-1) is not the screen.")] = None,
    key_value: Annotated[float | None, typer.Option(help="chroma: what is darker (0-1) is not the screen.")] = None,
    key_softness: Annotated[float | None, typer.Option(help="chroma: how soft the key's borders are, 0-1.")] = None,
    threads: ThreadsOption = 0,
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT asked of a camera.")] = None,
    fps: Annotated[str | None, typer.Option(help="Frames a second: asked of a camera, at most of a file.")] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many frames.")] = None,
    realtime: Annotated[bool, typer.Option("--realtime", help="Play a file at its own speed, drop the late.")] = False,
    refine: RefineOption = True,
    follow: FollowIfOption = None,
    steady: SteadyOption = True,
    tidy: TidyOption = False,
    whole_body: WholeBodyOption = None,
    feather: Annotated[
        float, typer.Option(min=0, max=2, help="Soften the person's edge, inwards: percent of the diagonal.")
    ] = 0.0,
    despill: Annotated[bool, typer.Option("--despill", help="Take the room's colour off the person's edge.")] = False,
    light_wrap: Annotated[
        bool, typer.Option("--light-wrap", help="Let the background's light fall on the person's edge.")
    ] = False,
    hflip: Annotated[bool, typer.Option("--hflip", help="Mirror left and right.")] = False,
    vflip: Annotated[bool, typer.Option("--vflip", help="Mirror top and bottom.")] = False,
    max_mask_age: Annotated[
        float, typer.Option(min=0, help="Milliseconds that a carried mask may be old; then it is covered.")
    ] = 250.0,
    every: Annotated[
        int, typer.Option(min=1, max=4, help="Infer each so many-th frame; the others carry its mask along.")
    ] = 1,
    idle: Annotated[
        bool, typer.Option("--idle/--no-idle", help="Let camera and model rest while nobody reads the sink.")
    ] = True,
    idle_after: Annotated[float, typer.Option(min=0, help="Seconds without a reader before they rest.")] = 2.0,
    models: ModelsOption = None,
    profile: Annotated[str | None, typer.Option(help="Take this profile, see `edgeseg profile list`.")] = None,
    instance: Annotated[str | None, typer.Option(help="Also take the config file NAME.yaml.")] = None,
    config: Annotated[Path | None, typer.Option(**FILE, help="A config file, instead of config.yaml.")] = None,
    govern: Annotated[
        bool | None,
        typer.Option(
            "--govern/--no-govern",
            help="Live: change tier, inference and frame rate to hold targets and limits. [default: if tier is auto]",
            show_default=False,
        ),
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option(**FILE, metavar="FILE", help="Write what the governor saw and decided, as JSON lines."),
    ] = None,
    web: Annotated[bool, typer.Option("--web", help="Serve the control page; needs the extra web.")] = False,
    web_listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where; beyond this machine a token is needed.")
    ] = "127.0.0.1:8080",
    web_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A name by which browsers may call this board.")
    ] = None,
    web_show_source: Annotated[
        bool, typer.Option("--web-show-source", help="Let the page show the camera's own picture too, room and all.")
    ] = False,
    mqtt: Annotated[str | None, typer.Option(metavar="HOST[:PORT]", help="Appear in home automation.")] = None,
    mqtt_user: Annotated[str | None, typer.Option(help="Who we are to that broker.")] = None,
    mqtt_password_file: Annotated[Path | None, typer.Option(**FILE, help="The file with our password.")] = None,
    mqtt_tls: Annotated[bool, typer.Option("--mqtt-tls", help="Speak TLS with the broker.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take the background away from a camera or a file, until it ends or Ctrl-C.

    Options go before config files, and those before the profile of the board.
    """
    if require_engine and engine not in ("auto", require_engine):
        raise UsageError(f"--require-engine {require_engine} and --engine {engine} are not the same; leave one out.")
    from edgeseg.build import Settings, refuse_loose_options
    from edgeseg.clock import SystemClock
    from edgeseg.config.places import places
    from edgeseg.report import ProcessStart
    from edgeseg.tiers.catalogue import AUTO

    key = {
        "color": key_color,
        "hue_tolerance_deg": key_tolerance,
        "min_saturation": key_saturation,
        "min_value": key_value,
        "softness": key_softness,
    }
    settings = Settings(
        source=source,
        background=background,
        sink=sink,
        tier=tier,
        engine=require_engine or engine,
        require_engine=require_engine is not None,
        allow_software_gpu=allow_software_gpu,
        engine_library=engine_library or None,
        engine_device=engine_device or None,
        segmenter=segmenter,
        threads=threads,
        size=_size(size),
        fps=_fps(fps),
        frames=frames,
        realtime=realtime,
        refine=refine,
        follow=follow,
        steady=steady,
        tidy=tidy,
        whole_body=whole_body,
        feather=feather,
        despill=despill,
        light_wrap=light_wrap,
        hflip=hflip,
        vflip=vflip,
        max_mask_age_s=_milliseconds("--max-mask-age", max_mask_age),
        idle=idle,
        idle_after_s=_seconds("--idle-after", idle_after),
        every=every,
        models=models or None,
        key={name: value for name, value in key.items() if value is not None},
    )
    flags = given(context) | ({"engine"} if require_engine else set())
    if (profile, instance, config) != (None, None, None) or places().has_config:
        from edgeseg.run_settings import configured

        settings = configured(settings, flags, profile, instance, config)
    refuse_loose_options(settings, flags)
    to_stdout = settings.sink == "-"
    if to_stdout and as_json:
        raise UsageError("--sink - writes the video to standard output, where --json would write too; use one of them.")
    wish = None
    if govern or (govern is None and settings.tier == AUTO):
        from edgeseg.governed import Wish

        wish = Wish(profile, instance, config, trace, is_asked=bool(govern))
    elif trace is not None:
        raise UsageError("--trace is of the governor, which runs with --tier auto or --govern; give one of them.")
    outside = None
    if web or mqtt is not None:
        from edgeseg.commands.outside import wished

        outside = wished(
            web, web_listen, web_host or [], web_show_source, mqtt, mqtt_user, mqtt_password_file, mqtt_tls
        )
    with stoppable_run(say) as stoppable:
        try:
            figures = run_once(settings, ProcessStart.of(SystemClock()), as_json, stoppable, wish, outside)
        except (Stopped, EdgesegError):
            if not stoppable.at_once:
                raise
            say(NOTHING_YET)
            return
        if as_json:
            print(json.dumps(figures), flush=True)
        else:
            from edgeseg.screen import print_figures

            print_figures(figures)


def run_once(
    settings: Settings,
    start: ProcessStart,
    quiet: bool,
    stoppable: Stoppable,
    wish: Wish | None = None,
    outside: OutsideWish | None = None,
) -> dict[str, Any]:
    """One run with live figures; what came of it."""
    from edgeseg.build import build
    from edgeseg.clock import SystemClock
    from edgeseg.facts import Noted, Tally
    from edgeseg.report import summary
    from edgeseg.screen import Watch

    tally = Tally()
    watch = Watch(tally, quiet=quiet)
    page: RunOutside | None = None
    if outside is not None:
        from edgeseg.outside import RunOutside

        page = RunOutside(settings, wish, outside, watch)
    try:
        made = build(settings, page.emit if page else watch, outlet=page.outlet if page else None)
    except BaseException:
        if page is not None:
            page.close()
        raise
    governed: Governed | None = None
    families: Families | None = None
    try:
        stoppable.takes(made.runtime)
        if page is not None:
            page.begin(made)
        elif wish is not None and made.source.info.live and made.tier is not None:
            from edgeseg.governed import Governed

            governed = Governed(made, settings, wish, SystemClock(), watch)
        elif wish is not None and (wish.is_asked or wish.trace is not None):
            why = (
                "there is no model" if made.source.info.live else "every frame waits for its mask; --realtime ends that"
            )
            watch(Noted("governor", f"it does not run: {why}"))
        elif settings.whole_body and made.source.info.live and made.tier is not None:
            from edgeseg.families import families_of

            families = families_of(made, settings, SystemClock(), watch)
        if settings.whole_body and families is None:
            watch(
                Noted(
                    "family", f"{settings.whole_body} is left out: only a live run without the governor changes to it"
                )
            )
        with watch.showing(made):
            made.runtime.run()
        return summary(made, tally, start)
    finally:
        for steering in (page, governed, families):
            if steering is not None:
                steering.close()
        made.pipeline.close()


def _size(text: str | None) -> Any:
    if text is None:
        return None
    from edgeseg.config.quantities import SIZE_HELP, size_of

    size = size_of(text)
    if size is None:
        raise UsageError(f"--size is {text!r}; {SIZE_HELP}.")
    return size


def _fps(text: str | None) -> Fraction | None:
    if text is None:
        return None
    from edgeseg.config.quantities import RATE_HELP, rate_of

    fps = rate_of(text)
    if fps is None:
        raise UsageError(f"--fps is {text!r}; {RATE_HELP}.")
    return fps


def _milliseconds(option: str, value: float) -> float:
    """In seconds."""
    if not math.isfinite(value):
        raise UsageError(f"{option} is {value}; write a number of milliseconds, such as 250.")
    return value / 1e3


def _seconds(option: str, value: float) -> float:
    if not math.isfinite(value):
        raise UsageError(f"{option} is {value}; write a number of seconds, such as 2.")
    return value
