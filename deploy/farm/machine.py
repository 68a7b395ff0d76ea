"""A guest that runs: qemu, and the way to its sshd by a port of this machine's loopback."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from deploy.farm.device import DeviceLost
from deploy.farm.guests import Built
from deploy.farm.hops import Hop, Way
from deploy.farm.process import Process
from deploy.farm.roots import find

_ALIVE_S = 60.0  # an emulated machine on a busy one is slow to answer
_LONGEST_S = 7 * 86_400
_PAUSE_S = 1.0


class Machine:
    """A guest from its start. card: its SD card, which is not written to. Raises DeviceLost."""

    def __init__(self, machine: str, built: Built, card: Path) -> None:
        self._port = _free_port()
        self._log = card.with_suffix(".console")
        self._log.unlink(missing_ok=True)
        key = (built.folder / "host_key.pub").read_text(encoding="ascii")
        self._known = card.with_suffix(".known")
        self._known.write_text(f"[127.0.0.1]:{self._port} {key}", encoding="ascii")
        self._key = built.folder / "key"
        # One core: Debian's kernel finds no more there. Its clock is not kept while it is off, so it is told the time.
        append = f"console=ttyAMA0 maxcpus=1 mitigations=off quiet panic=-1 rdinit=/init farm.now={int(time.time())}"
        qemu = [str(find("qemu-system-aarch64")), "-M", machine, "-display", "none", "-no-reboot", "-monitor", "none"]
        initrd = built.folder / "initrd"
        qemu += ["-kernel", str(built.kernel), "-dtb", str(built.dtb), "-initrd", str(initrd), "-append", append]
        qemu += ["-drive", f"if=sd,format=raw,file={card},snapshot=on", "-serial", f"file:{self._log}"]
        forward = f"hostfwd=tcp:127.0.0.1:{self._port}-:22"
        qemu += ["-netdev", f"user,id=farm,restrict=on,{forward}", "-device", "usb-net,netdev=farm"]
        self._qemu = Process(qemu, card.parent, dict(os.environ), _LONGEST_S)

    def reached(self, connect: Callable[[Way], None], boot_s: float) -> None:
        """Wait until it can be connected to. Raises DeviceLost with what its console said last if it cannot."""
        hop = Hop("127.0.0.1", self._port, "root", self._key, self._known)
        end = time.monotonic() + boot_s
        while True:
            try:
                connect(Way(hop, None, _ALIVE_S, _ALIVE_S))
            except DeviceLost as error:
                if self._qemu.running and time.monotonic() < end:
                    time.sleep(_PAUSE_S)
                    continue
                raise DeviceLost(self._why(error, boot_s)) from error
            return

    def off(self) -> None:
        """Switch it off at once."""
        self._qemu.kill()
        self._qemu.wait()

    def _why(self, error: DeviceLost, boot_s: float) -> str:
        if not self._qemu.running:
            said = self._qemu.wait().stderr.strip().splitlines()[-1:] or ["nothing"]
            return f"The emulated board ended while it booted; qemu said: {said[0][:300].rstrip('.')}."
        try:
            console = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            console = []
        last = f"; its console said last: {console[-1][:200]!r}" if console else ""
        return f"The emulated board did not answer within {boot_s:g} s (console: {self._log}){last}. {error}"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
