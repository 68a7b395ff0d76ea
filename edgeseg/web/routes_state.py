"""Routes that look: state, history, facts, pictures, the WebSocket."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, WebSocket, WebSocketDisconnect
from starlette.responses import PlainTextResponse, Response

from edgeseg.remote.live import Happened
from edgeseg.remote.state import facts, history, one_liner, state
from edgeseg.web.badge import badge
from edgeseg.web.context import Context, context_of, documented
from edgeseg.web.models import Fact, State
from edgeseg.web.problems import Problem
from edgeseg.web.stream import STREAM_WIDTHS, Mjpeg

router = APIRouter()
MOST_SOCKETS = 32
_QUEUE = 64  # messages that a slow listener may lag behind
_SNAPSHOT_S = 8.0  # a camera that rests is opened for it
_JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
}
_SVG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/svg+xml": {}}}}
_MJPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"multipart/x-mixed-replace": {}}}}
Width = Annotated[int, Query(ge=160, le=1920, description="The widest picture that is sent.")]


@router.get("/api/v1/state", response_model=State, responses=documented(), tags=["state"])
def get_state(request: Request) -> dict[str, Any]:
    """What is so now."""
    return state(context_of(request).remote)


@router.get("/api/v1/history", responses=documented(), tags=["state"])
def get_history(request: Request) -> dict[str, list[float | None]]:
    """The figures of the last ten minutes, one a second: columns of equal length, `at` in UNIX time."""
    return history(context_of(request).remote)


@router.get("/api/v1/facts", response_model=list[Fact], responses=documented(), tags=["state"])
def get_facts(request: Request) -> list[dict[str, Any]]:
    """What happened lately, the oldest first."""
    return [one.as_json() for one in facts(context_of(request).remote)]


@router.get("/api/v1/snapshot.jpg", response_class=Response, responses={**documented(503), **_JPEG}, tags=["pictures"])
async def snapshot(request: Request, width: Width = 1920) -> Response:
    """What goes out now, as one JPEG; a run that rests is woken for it."""
    context = context_of(request)
    wide = min((one for one in (1920, *STREAM_WIDTHS) if one >= min(width, 1920)), default=1920)
    picture = await context.viewers.one((wide, False), _SNAPSHOT_S)
    if picture is None:
        raise Problem(
            503, "no-picture-now", f"No frame came within {_SNAPSHOT_S:g} s: {context.remote.live.status()[1]}"
        )
    return Response(picture.jpeg, media_type="image/jpeg")


@router.get("/api/v1/preview.mjpg", response_class=Response, responses={**documented(503), **_MJPEG}, tags=["pictures"])
def preview(request: Request, width: Width = 960) -> Any:
    """What goes out, as a stream for an <img>; smaller pictures for whoever cannot keep up."""
    return Mjpeg(context_of(request).viewers, width)


@router.get("/api/v1/source.mjpg", response_class=Response, responses={**documented(503), **_MJPEG}, tags=["pictures"])
def source(request: Request, width: Width = 960) -> Any:
    """What the camera sees; 403 unless the owner allowed it on the board (--web-show-source)."""
    context = context_of(request)
    if not context.remote.shows_source:
        detail = "The camera's own picture is not shown; only the owner can allow it, on the board: --web-show-source."
        raise Problem(403, "source-hidden", detail)
    return Mjpeg(context.viewers, width, source=True)


@router.get("/status.txt", response_class=PlainTextResponse, responses=documented(), tags=["state"])
def status_text(request: Request) -> str:
    """One line for people."""
    return one_liner(context_of(request).remote) + "\n"


@router.get("/status.svg", response_class=Response, responses={**documented(), **_SVG}, tags=["state"])
def status_picture(request: Request) -> Response:
    """The status as a picture of one line."""
    return Response(badge(state(context_of(request).remote)), media_type="image/svg+xml")


@router.get("/metrics", response_class=PlainTextResponse, responses=documented(), tags=["state"])
def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    text, kind = context_of(request).metrics.exposed(request.headers.get("accept", ""))
    return Response(text, headers={"content-type": kind})


class Listeners:
    """All WebSockets, in the server's loop. What is told to all is made into JSON once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.queues: set[asyncio.Queue[str | None]] = set()
        live = context.remote.live
        live.told.append(lambda happened: self._from_outside(lambda: self._fact(happened)))
        live.ticked.append(lambda: self._from_outside(self.tick) if self.queues else None)
        context.remote.control.changed.append(lambda: self._from_outside(self.settings))

    def tell(self, message: dict[str, Any]) -> None:
        """Tell all; one that lags too far behind is sent away, and will come again."""
        if not self.queues:
            return
        text = json.dumps(message, separators=(",", ":"))
        for queue in tuple(self.queues):
            if queue.full():
                self.queues.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(text)

    def tick(self) -> None:
        """The state, once a second."""
        if self.queues:
            self.tell({"type": "state", "state": state(self._context.remote)})

    def settings(self) -> None:
        """The settings, when somebody has changed them."""
        control = self._context.remote.control
        if control.is_attached:
            self.tell({"type": "settings", "revision": control.revision, "settings": control.view})

    def _fact(self, happened: Happened) -> None:
        self.tell({"type": "fact", "fact": happened.as_json()})

    def _from_outside(self, what: Any) -> None:
        loop = self._context.viewers.loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(what)


@router.websocket("/api/v1/live")
async def live(socket: WebSocket) -> None:
    """Messages {"type": "state" | "settings" | "fact", ...}; what the client sends is not looked at."""
    context: Context = socket.app.state.context
    listeners = context.listeners
    await socket.accept()
    if len(listeners.queues) >= MOST_SOCKETS:
        await socket.close(1013, "Too many listen already; try again later.")
        return
    queue: asyncio.Queue[str | None] = asyncio.Queue(_QUEUE)
    listeners.queues.add(queue)
    hearing = asyncio.ensure_future(_hear(socket))
    try:
        first = {"type": "state", "state": state(context.remote)}
        await socket.send_text(json.dumps(first, separators=(",", ":")))
        if context.remote.control.is_attached:
            listeners.settings()
        while not hearing.done():
            told = await _next(queue, hearing)
            if told is None:
                break
            await asyncio.wait_for(socket.send_text(told), 10.0)
        if not hearing.done():
            await socket.close(1013, "Too slow, or the board is closing; try again.")
    except (WebSocketDisconnect, asyncio.TimeoutError, RuntimeError):
        pass
    finally:
        listeners.queues.discard(queue)
        hearing.cancel()


async def _next(queue: asyncio.Queue[str | None], hearing: asyncio.Future[None]) -> str | None:
    getting = asyncio.ensure_future(queue.get())
    waiting: set[asyncio.Future[Any]] = {getting, hearing}
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    if getting.done():
        return getting.result()
    getting.cancel()
    return None


async def _hear(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
