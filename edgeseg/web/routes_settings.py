"""Routes that change: settings, backgrounds, the pinned rung."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from edgeseg.remote.control import Control, sources
from edgeseg.remote.gallery import Item
from edgeseg.remote.picture import MOST_BYTES
from edgeseg.remote.wanted import MODES
from edgeseg.web.context import context_of, documented
from edgeseg.web.models import Background, Change, Choices, Ladder, PinWish, SettingsAnswer
from edgeseg.web.problems import Problem

router = APIRouter()
THUMBNAIL = 320
_OF_MODES = {
    "blur": "the room, blurred",
    "color": "one colour",
    "image": "a picture of the gallery",
    "video": "the video that the config file names",
    "alpha": "transparent",
    "none": "the room as it is: nothing is hidden",
}
IfMatch = Annotated[str | None, Header(description="The revision that was read; 412 if it is not the newest.")]
_PICTURE = {
    "requestBody": {
        "required": True,
        "description": f"A JPEG, PNG or WebP picture, at most {MOST_BYTES} bytes and 40 million pixels.",
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("image/jpeg", "image/png", "image/webp", "application/octet-stream")
        },
    }
}
_JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("/api/v1/settings", response_model=SettingsAnswer, responses=documented(409), tags=["settings"])
def get_settings(request: Request, response: Response) -> dict[str, Any]:
    """Every setting as it is now; ETag is the revision."""
    return _answer(context_of(request).remote.control, response)


@router.patch(
    "/api/v1/settings", response_model=SettingsAnswer, responses=documented(404, 409, 412, 413), tags=["settings"]
)
def change_settings(request: Request, response: Response, change: Change, if_match: IfMatch = None) -> dict[str, Any]:
    """Change some, from the next frame on; all or none of them are taken up."""
    control = context_of(request).remote.control
    wanted = {name: getattr(change, name) for name in change.model_fields_set}
    words = control.change(wanted, _revision(if_match))
    return {**_answer(control, response), "changed": words}


@router.delete("/api/v1/settings", response_model=SettingsAnswer, responses=documented(409), tags=["settings"])
def forget_settings(request: Request, response: Response) -> dict[str, Any]:
    """Take back all that was set from here: what the config file says holds again."""
    control = context_of(request).remote.control
    words = control.forget()
    return {**_answer(control, response), "changed": words}


@router.get("/api/v1/choices", response_model=Choices, responses=documented(), tags=["settings"])
def choices(request: Request) -> dict[str, Any]:
    """What settings may be on this board: cameras, tiers, engines, modes."""
    from edgeseg.engines import ENGINES
    from edgeseg.tiers import files

    tiers = [
        {"id": name, "title": name, "note": f"{tier.height}x{tier.width} {tier.precision}, {tier.family}"}
        for name, tier in files.tiers().items()
        if files.find(tier) is not None
    ]
    auto = {"id": "auto", "title": "auto", "note": "what was measured to be best here"}
    return {
        "sources": sources(),
        "tiers": [auto, *tiers],
        "engines": [auto, *({"id": one, "title": one} for one in ENGINES if one != "chroma")],
        "modes": [{"id": mode, "title": mode, "note": _OF_MODES[mode]} for mode in MODES],
    }


@router.get("/api/v1/backgrounds", response_model=list[Background], responses=documented(), tags=["backgrounds"])
def backgrounds(request: Request) -> list[dict[str, Any]]:
    """The gallery, the oldest first."""
    control = context_of(request).remote.control
    return [_shape(one, control) for one in control.gallery.items()]


@router.post(
    "/api/v1/backgrounds",
    response_model=Background,
    status_code=201,
    responses=documented(409, 413, 415, 408),
    openapi_extra=_PICTURE,
    tags=["backgrounds"],
)
async def add_background(
    request: Request, title: Annotated[str, Query(max_length=200, description="For people.")] = ""
) -> dict[str, Any]:
    """Add a picture; it is decoded and encoded anew, and one that is there already is that one."""
    control = context_of(request).remote.control
    data = await request.body()
    if not data:
        raise Problem(415, "no-picture", "The request brings no picture.")
    item = await run_in_threadpool(control.gallery.add, data, title)
    return _shape(item, control)


@router.get(
    "/api/v1/backgrounds/{name}", response_class=Response, responses={**documented(404), **_JPEG}, tags=["backgrounds"]
)
def background(request: Request, name: str) -> Response:
    """The picture."""
    jpeg = context_of(request).remote.control.gallery.jpeg(name)
    return Response(jpeg, media_type="image/jpeg", headers={"cache-control": "private, max-age=31536000, immutable"})


@router.get(
    "/api/v1/backgrounds/{name}/thumbnail",
    response_class=Response,
    responses={**documented(404), **_JPEG},
    tags=["backgrounds"],
)
def thumbnail(request: Request, name: str) -> Response:
    """The picture, small."""
    jpeg = context_of(request).remote.control.gallery.thumbnail(name, THUMBNAIL)
    return Response(jpeg, media_type="image/jpeg", headers={"cache-control": "private, max-age=31536000, immutable"})


@router.delete(
    "/api/v1/backgrounds/{name}",
    status_code=204,
    response_class=Response,
    responses=documented(404, 409),
    tags=["backgrounds"],
)
def remove_background(request: Request, name: str) -> Response:
    """Delete a picture; 409 while it stands behind the person."""
    control = context_of(request).remote.control
    if control.is_attached and control.view["mode"] == "image" and control.view["background"] == name:
        raise Problem(409, "in-use", "This background is shown now; choose another one first.")
    control.gallery.remove(name)
    return Response(status_code=204)


@router.get("/api/v1/ladder", response_model=Ladder, responses=documented(), tags=["governor"])
def ladder(request: Request) -> dict[str, Any]:
    """The rungs that the governor chooses from."""
    remote = context_of(request).remote
    run = remote.live.run
    running = run.runtime.plan.name if run is not None else None
    keys = ("name", "kind", "every", "cost_ms", "quality", "memory_mb")
    rungs = [{**{key: one.get(key) for key in keys}, "runs": one["name"] == running} for one in remote.trace.ladder]
    note = "" if rungs else "Nobody governs: the tier was named, a file is read, or nothing was measured here yet."
    return {"rungs": rungs, "note": note}


@router.get("/api/v1/governor/trace", response_class=Response, responses=documented(), tags=["governor"])
def trace(request: Request) -> Response:
    """What the governor saw and decided in the last five minutes: JSON lines, the first one its ladder and limits."""
    return Response("".join(context_of(request).remote.trace.lines()), media_type="application/x-ndjson")


@router.put(
    "/api/v1/governor/pin", status_code=204, response_class=Response, responses=documented(409), tags=["governor"]
)
def pin(request: Request, wish: PinWish) -> Response:
    """Keep to one rung for some minutes, within the limits."""
    context_of(request).remote.control.pin_rung(wish.rung, wish.minutes)
    return Response(status_code=204)


@router.delete(
    "/api/v1/governor/pin", status_code=204, response_class=Response, responses=documented(409), tags=["governor"]
)
def unpin(request: Request) -> Response:
    """Let the governor choose again."""
    context_of(request).remote.control.pin_rung(None)
    return Response(status_code=204)


def _answer(control: Control, response: Response) -> dict[str, Any]:
    view, revision = control.view, control.revision
    response.headers["etag"] = f'"{revision}"'
    return {"revision": revision, "settings": view}


def _revision(if_match: str | None) -> str | None:
    if if_match is None or if_match.strip() == "*":
        return None
    return if_match.strip().removeprefix("W/").strip('"')


def _shape(item: Item, control: Control) -> dict[str, Any]:
    view = control.view if control.is_attached else None
    url = f"/api/v1/backgrounds/{item.id}"
    return {
        **{name: getattr(item, name) for name in ("id", "title", "width", "height", "bytes", "added_at")},
        "url": url,
        "thumbnail": f"{url}/thumbnail",
        "is_used": view is not None and view["mode"] == "image" and view["background"] == item.id,
    }
