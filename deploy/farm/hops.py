"""Connections to hosts, one after the other on a way there: who is trusted, and what is told when one is refused.

Hosts must be in known_hosts with the key that they show; nothing is ever added to it, and no password is tried. The
user's own configuration of ssh is not read: the farm file says all.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
from asyncssh.public_key import get_default_public_key_algs

from deploy.farm.device import DeviceLost


@dataclass(frozen=True, slots=True)
class Hop:
    """One host. key: the private key's file, None: those of ssh-agent and ~/.ssh."""

    host: str
    port: int
    user: str
    key: Path | None
    known_hosts: Path

    def __str__(self) -> str:
        return f"{self.user}@{self.host}" if self.port == 22 else f"{self.user}@{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Way:
    """How to reach a host: by another one or not. alive_s: it is lost if it does not answer three times as long."""

    to: Hop
    jump: Hop | None = None
    alive_s: float = 10.0
    connect_s: float = 15.0


async def reach(hop: Hop, tunnel: asyncssh.SSHClientConnection | None, way: Way) -> asyncssh.SSHClientConnection:
    """One connection. Raises DeviceLost, by whose fault it is."""
    if hop.key is not None and not hop.key.is_file():
        raise DeviceLost(f"There is no key {hop.key}: name the private key of {hop} under 'key'.")
    keys: dict[str, Any] = {} if hop.key is None else {"client_keys": [str(hop.key)], "agent_path": None}
    known = _known(hop)
    try:
        return await asyncssh.connect(
            hop.host,
            hop.port,
            tunnel=tunnel,
            config=None,
            username=hop.user,
            known_hosts=known or b"",
            server_host_key_algs=_algorithms(hop, known),
            preferred_auth="publickey",
            connect_timeout=way.connect_s,
            login_timeout=way.connect_s,
            keepalive_interval=way.alive_s,
            keepalive_count_max=3,
            **keys,
        )
    except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as error:
        raise DeviceLost(_untrusted(hop, error)) from error
    except asyncssh.PermissionDenied as error:
        key = f"the key {hop.key}" if hop.key else "your keys"
        raise DeviceLost(f"{hop} refuses {key}: ssh-copy-id puts a key into its authorized_keys.") from error
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise DeviceLost(f"The key {hop.key} cannot be used ({reason(error)}): unlock it for ssh-agent.") from error
    except (asyncssh.Error, OSError, asyncio.TimeoutError) as error:
        raise DeviceLost(f"{hop} cannot be reached: {reason(error)}. Is it on, and its address right?") from error


def _untrusted(hop: Hop, error: Exception) -> str:
    name = hop.host if hop.port == 22 else f"[{hop.host}]:{hop.port}"
    known = _known(hop)
    if known is not None and _keys(hop, known):
        return (
            f"{hop} shows another key than {hop.known_hosts} has of it: another machine answers, or it was installed "
            f"anew. If you know that it was: ssh-keygen -f {hop.known_hosts} -R '{name}', and then add the new key."
        )
    if isinstance(error, asyncssh.KeyExchangeFailed) and known is not None and "host key" not in str(error):
        return f"{hop} and this machine have no algorithm in common: {reason(error)}."
    return (
        f"{hop} is not in {hop.known_hosts}: ssh-keyscan -p {hop.port} {hop.host} >> {hop.known_hosts} adds its key, "
        "which you should compare with the host's own."
    )


def _known(hop: Hop) -> asyncssh.SSHKnownHosts | None:
    try:
        return asyncssh.read_known_hosts(str(hop.known_hosts)) if hop.known_hosts.is_file() else None
    except (OSError, ValueError) as error:
        raise DeviceLost(f"{hop.known_hosts} cannot be read: {reason(error)}.") from error


def _keys(hop: Hop, known: asyncssh.SSHKnownHosts) -> Sequence[asyncssh.SSHKey]:
    try:
        address = str(ipaddress.ip_address(hop.host))
    except ValueError:
        address = ""
    return known.match(hop.host, address, hop.port)[0]


def _algorithms(hop: Hop, known: asyncssh.SSHKnownHosts | None) -> list[str]:
    """Kinds of host keys: those that are known of it first, then the others, so that it shows one in any case."""
    keys = _keys(hop, known) if known is not None else ()
    first = [algorithm for key in keys for algorithm in key.sig_algorithms]
    return [one.decode() for one in dict.fromkeys([*first, *get_default_public_key_algs()])]


def reason(error: BaseException) -> str:
    """What went wrong, without a full stop."""
    if isinstance(error, asyncio.TimeoutError):
        return "it does not answer"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    text = getattr(error, "reason", None) or str(error) or type(error).__name__
    return str(text).strip().rstrip(".")
