"""The page of one run: its address is taken at once, the rest is loaded and served in a thread.

So whoever starts a run hears of a wrong address before it, and the first frame waits for no server.
"""

from __future__ import annotations

import socket
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING

from edgeseg.errors import NotPermitted, OutputError, UsageError
from edgeseg.remote.around import Remote
from edgeseg.web.access import Access, make_token, token_file
from edgeseg.web.rules import is_loopback, rules
from edgeseg.web.wish import WebWish, address

if TYPE_CHECKING:
    import uvicorn

    from edgeseg.web.context import Context

PACKAGES = ("fastapi", "prometheus_client", "simplejpeg", "uvicorn", "websockets")
_SEND_BUFFER = 64 * 1024  # of the kernel: more would only hold pictures of long ago
LAST_S = 0.1  # in which the last state goes out before connections are closed


class Web:
    """Listens from the beginning, answers from `start` to `close`. token: told once, if it was made now.

    Raises UsageError for a wrong address or without its packages, OutputError if the address is taken, NotPermitted if
    it, or the token, may not be.
    """

    def __init__(self, remote: Remote, wish: WebWish) -> None:
        absent = [name for name in PACKAGES if find_spec(name) is None]
        if absent:
            packages = ", ".join(absent)
            raise UsageError(f"The page needs packages that are not here ({packages}): pip install 'edgeseg[web]'")
        host, port = address(wish.listen)
        self.rules = rules(host, wish.hosts)
        path = token_file()
        self._access = Access(path)
        self.token = None
        if self.rules.token and not self._access.has_token:
            if not wish.makes_token:
                raise UsageError(f"There is no token at {path}, which the page needs: sudo edgeseg service web token")
            self.token = make_token(path)
        self._socket = _listening(host, port)
        self.port = int(self._socket.getsockname()[1])
        shown = f"[{host}]" if ":" in host else host
        shown = {"0.0.0.0": socket.gethostname(), "[::]": socket.gethostname()}.get(shown, shown)
        self.url = f"http://{shown}:{self.port}/"
        self.warning = None
        if not is_loopback(host):
            self.warning = "plain HTTP beyond this machine: whoever is on the network can read along (docs/api.md)"
        self._remote = remote
        self.server: uvicorn.Server | None = None  # once it is loaded
        self.context: Context | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="edgeseg-web", daemon=True)

    @property
    def told(self) -> list[str]:
        """What whoever starts it is told: where it is, the token if it was made now, and what is not safe."""
        token = [f"its token, shown this once: {self.token}"] if self.token is not None else []
        return [self.url, *token, *([self.warning] if self.warning is not None else [])]

    def start(self) -> None:
        """Begin to answer; whoever has connected already waits a moment."""
        self._thread.start()

    def close(self) -> None:
        """Answer no more; streams end."""
        self._closed = True
        server, context = self.server, self.context
        if server is not None and context is not None:
            loop = context.viewers.loop
            if loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(context.listeners.tick)  # the last one
                loop.call_soon_threadsafe(context.viewers.close)
                loop.call_soon_threadsafe(loop.call_later, LAST_S, setattr, server, "should_exit", True)
            else:
                server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(timeout=3.0)
        self._socket.close()

    def _serve(self) -> None:
        from edgeseg.web.server import make_server

        self.server, self.context = make_server(self._remote, self._access, self.rules)
        self.server.should_exit = self._closed
        if not self._closed:
            self.server.run(sockets=[self._socket])


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise UsageError(f"--web-listen: {host!r} is no address of this machine: {error.strerror}.") from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        if family == socket.AF_INET6 and host == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(where)
        listener.listen(64)
    except PermissionError as error:
        listener.close()
        raise NotPermitted(
            f"The page may not listen on {host}:{port}: {error.strerror}; take a port above 1023."
        ) from error
    except OSError as error:
        listener.close()
        raise OutputError(f"The page cannot listen on {host}:{port}: {error.strerror}; choose another port.") from error
    listener.setblocking(False)
    return listener
