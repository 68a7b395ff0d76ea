"""Pictures for viewers: each gets the newest there is when it can take one, and a smaller one if it cannot keep up.

multipart/x-mixed-replace, as browsers show it in an <img>. The boundary follows each picture at once, for browsers show
a picture when they see where it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from edgeseg.remote.preview import WIDTHS, Picture, Preview
from edgeseg.web.problems import Problem

MOST_VIEWERS = 16
STREAM_WIDTHS = WIDTHS[1:]
_STUCK_S = 20.0  # who takes not one picture in so long is sent away
_JUDGED_S = 2.0
_EASY_S = 10.0  # without a miss, before a larger picture is tried again
_BOUNDARY = b"--frame\r\n"


class Viewers:
    """All who look at the preview, in the server's loop. loop: once it runs. now: seconds."""

    def __init__(self, preview: Preview, now: Callable[[], float]) -> None:
        self._preview, self.now = preview, now
        self._newest: dict[tuple[int, bool], Picture] = {}
        self._wakes: dict[tuple[int, bool], asyncio.Event] = {}
        self.loop: asyncio.AbstractEventLoop | None = None
        self.count = 0
        self.published: Counter[tuple[int, bool]] = Counter()  # pictures of each kind, ever
        self.closed = False

    def pictured(self, picture: Picture) -> None:
        """A new picture, from the encoder's thread."""
        loop = self.loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the server has just ended
                loop.call_soon_threadsafe(self._publish, picture)

    def _publish(self, picture: Picture) -> None:
        key = picture.width, picture.source
        self._newest[key] = picture
        self.published[key] += 1
        wake = self._wakes.pop(key, None)
        if wake is not None:
            wake.set()

    def close(self) -> None:
        """Let all streams end; in the loop."""
        self.closed = True
        for wake in self._wakes.values():
            wake.set()

    async def next(self, key: tuple[int, bool], after: int, wait_s: float) -> Picture | None:
        """The newest picture, once it is another than `after` (its index); None if none came in time."""
        newest = self._newest.get(key)
        if newest is not None and newest.index != after:
            return newest
        wake = self._wakes.setdefault(key, asyncio.Event())
        try:
            await asyncio.wait_for(wake.wait(), wait_s)
        except asyncio.TimeoutError:
            return None
        return self._newest.get(key)

    @contextlib.contextmanager
    def looking(self, key: tuple[int, bool]) -> Iterator[None]:
        """Count as one who looks at pictures of this kind."""
        if self._preview.viewers == 0:
            self._newest.clear()  # whatever is there is of long ago
        self._preview.look(*key)
        try:
            yield
        finally:
            self._preview.leave(*key)

    async def one(self, key: tuple[int, bool], wait_s: float) -> Picture | None:
        """One picture that is made after this call."""
        with self.looking(key):
            newest = self._newest.get(key)
            return await self.next(key, newest.index if newest is not None else -1, wait_s)


class Mjpeg(Response):
    """An ASGI answer that lasts as long as its viewer. width: the largest that is sent."""

    def __init__(self, viewers: Viewers, width: int, source: bool = False) -> None:
        super().__init__()
        self._viewers, self._source = viewers, source
        self._widths = [one for one in STREAM_WIDTHS if one <= width] or [STREAM_WIDTHS[-1]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if self._viewers.count >= MOST_VIEWERS:
            detail = f"{MOST_VIEWERS} viewers look already, which is all that this board serves; try again later."
            raise Problem(503, "too-many-viewers", detail, {"retry-after": "10"})
        gone = asyncio.ensure_future(_gone(receive))
        self._viewers.count += 1
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [
                        (b"content-type", b"multipart/x-mixed-replace; boundary=frame"),
                        (b"cache-control", b"no-store"),
                        (b"x-accel-buffering", b"no"),
                    ],
                }
            )
            await send({"type": "http.response.body", "body": _BOUNDARY, "more_body": True})
            await self._stream(send, gone)
        finally:
            self._viewers.count -= 1
            gone.cancel()

    async def _stream(self, send: Send, gone: asyncio.Future[None]) -> None:
        level, pace = 0, _Pace(self._viewers.now)
        last = -1
        while not gone.done() and not self._viewers.closed:
            key = self._widths[level], self._source
            with self._viewers.looking(key):
                while not gone.done() and not self._viewers.closed:
                    picture = await self._viewers.next(key, last, 1.0)
                    if picture is None or picture.index == last:
                        continue
                    body, seen = _part(picture), self._viewers.published[key]
                    try:
                        await asyncio.wait_for(
                            send({"type": "http.response.body", "body": body, "more_body": True}), _STUCK_S
                        )
                    except asyncio.TimeoutError:
                        return
                    last = picture.index
                    step = pace.judge(self._viewers.published[key] - seen)
                    wanted = min(len(self._widths) - 1, max(0, level + step))
                    if wanted != level:
                        level = wanted
                        break


class _Pace:
    """Whether a viewer keeps up: +1 a smaller picture, -1 a larger one, 0 as it is."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._since_s = self._easy_s = now()
        self._sent = self._missed = 0

    def judge(self, missed: int) -> int:
        """After each picture; missed: so many others had come before this one was taken."""
        now = self._now()
        self._sent += 1
        self._missed += missed
        if missed:
            self._easy_s = now
        if now - self._since_s < _JUDGED_S:
            return 0
        slow = self._missed > self._sent
        self._since_s, self._sent, self._missed = now, 0, 0
        if slow:
            return 1
        if now - self._easy_s > _EASY_S:
            self._easy_s = now
            return -1
        return 0


def _part(picture: Picture) -> bytes:
    return b"".join(
        (
            b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n" % len(picture.jpeg),
            b"X-Frame-Index: %d\r\nX-Captured-At: %.6f\r\n\r\n" % (picture.index, picture.captured_at),
            picture.jpeg,
            b"\r\n",
            _BOUNDARY,
        )
    )


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
