"""What is taken out of a bundle: names, folders, addresses and what a user wrote that may hold any of them."""

from __future__ import annotations

import os
import pwd
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

LEFT_OUT = (
    "user and host names, paths below homes, addresses of networks and streams with their credentials, what sources,"
    " sinks and backgrounds are called, programs that run, serial numbers, hardware addresses"
)
HIDDEN = "hidden"
# Names that say nothing of who: defaults of systems, and our own, which are words of many files.
_NOBODY = frozenset(
    (
        *("root", "user", "pi", "admin", "edgeseg", "nobody", "localhost", "raspberrypi", "raspberry", "debian"),
        *("ubuntu", "jetson", "nvidia", "nano", "tegra", "rock", "radxa", "orangepi", "runner", "builder", "host"),
        *("linux", "video", "render", "none", "true", "false", "null", "cpu", "gpu", "npu", "auto", "file"),
    )
)
_URL = re.compile(r"\b([a-zA-Z][a-zA-Z0-9+.-]{1,15})://[^\s'\"<>|)]+")
_PUBLIC = re.compile(r"https?://(?:json-schema\.org|github\.com/google-coral)\b")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_IP4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]|-\d)")
_IP6 = re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{1,4}:){3,7}(?::?[0-9a-fA-F]{1,4})+(?![\w:])|(?<![\w:])fe80::[0-9a-fA-F:]+")
_MAC = re.compile(r"(?<![0-9a-fA-F])(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}(?![0-9a-fA-F])")
_HOME = r"(?:{homes})(?:/[^\s'\",;:)\]]*)?"
_KEPT_TAILS = re.compile(
    r".*?((?:/\.config|/\.local/state)/edgeseg(?:/[\w.-]+\.yaml|/ladder\.json)?|/site-packages/.*)$"
)
_INSTANCE = re.compile(r"(?<=edgeseg/)(?!config\.yaml)[\w.-]+(?=\.yaml)")
_WORDS = ("source", "background", "sink", "models")  # settings that hold paths, addresses, names
_PLAIN_WORD = re.compile(
    r"auto|null|-|none|alpha|picamera2|blur(:\d+)?|color:#\w+|camera:\d+|(camera:|v4l2:)?/dev/video\d+"
)


class Private:
    """Takes out what is private. users, hosts, homes: names and folders; secrets: further words, as they stand.

    versions: of packages, of which some look like addresses.
    """

    def __init__(
        self,
        users: Iterable[str],
        hosts: Iterable[str],
        homes: Iterable[str],
        secrets: Iterable[str] = (),
        versions: Iterable[str] = (),
    ) -> None:
        names = {name for name in (*users, *hosts) if len(name) > 2 and name.lower() not in _NOBODY}
        every = sorted({home.rstrip("/") for home in homes} - {""}, key=len, reverse=True)
        folders = [re.escape(home) for home in every] + [r"/home/[^/\s'\",;:)\]]+", r"/root\b", r"/Users/[^/\s]+"]
        self._homes = re.compile(rf"(?<![\w/.-]){_HOME.format(homes='|'.join(folders))}")
        longest = sorted(map(re.escape, names), key=len, reverse=True)
        self._names = (
            re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(longest)})(?![A-Za-z0-9])", re.IGNORECASE) if longest else None
        )
        self._versions = frozenset(versions)
        self._secrets = sorted({secret for secret in secrets if len(secret) > 2}, key=len, reverse=True)

    def text(self, text: str) -> str:
        """`text` without it."""
        for secret in self._secrets:
            text = text.replace(secret, setting(secret))
        text = _URL.sub(lambda url: url[0] if _PUBLIC.match(url[0]) else f"{url[1]}://{HIDDEN}", text)
        text = _MAIL.sub(HIDDEN, text)
        text = self._homes.sub(lambda path: _home(path[0]), text)
        text = _INSTANCE.sub("instance", text)
        for pattern in (_MAC, _IP6, _IP4):
            text = pattern.sub(lambda found: found[0] if found[0] in self._versions else HIDDEN, text)
        return self._names.sub(HIDDEN, text) if self._names else text

    def value(self, value: Any) -> Any:
        """The same of all strings in plain values, keys of mappings too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(one) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(one) for one in value]
        return value

    def content(self, data: bytes | None) -> bytes | None:
        """The same of a file; what is no text stays as it is, and a folder (None) too."""
        if data is None or b"\0" in data:
            return data
        try:
            return self.text(data.decode()).encode()
        except UnicodeDecodeError:
            return data


def of_this_machine(secrets: Iterable[str], versions: Iterable[str]) -> Private:
    """What is private here: this user, whoever is behind sudo, the host, and their homes."""
    names = {os.environ.get(name, "") for name in ("USER", "LOGNAME", "SUDO_USER", "HOSTNAME")}
    homes = {os.environ.get("HOME", "")}
    try:
        user = pwd.getpwuid(os.geteuid())
        names.add(user.pw_name)
        if user.pw_uid >= 1000:  # not of systems' own users, whose names are ordinary words
            names |= set(re.findall(r"\w+", user.pw_gecos))
        homes.add(user.pw_dir)
    except KeyError:
        pass
    homes -= {"", "/"}
    hosts = {name for host in (socket.gethostname(), os.uname().nodename) for name in (host, host.partition(".")[0])}
    return Private(names, hosts, {one for home in homes for one in (home, os.path.realpath(home))}, secrets, versions)


def setting(value: str) -> str:
    """A source, sink, background or folder: its kind and the ending of a file, the rest hidden.

    Of a pipeline its elements stay, and no property's value.
    """
    if _PLAIN_WORD.fullmatch(value):
        return value
    kind, colon, rest = value.partition(":")
    if not colon or not re.fullmatch(r"[a-z0-9]+", kind):
        kind, rest = "", value
    if kind == "gst":
        elements = [part.split()[0] for part in rest.split("!") if part.split()]
        return "gst:" + " ! ".join(one if re.fullmatch(r"[a-z][a-z0-9]{0,40}", one) else HIDDEN for one in elements)
    suffix = Path(rest).suffix
    shown = HIDDEN + (suffix if re.fullmatch(r"\.[a-z0-9]{2,4}", suffix) else "")
    return f"{kind}:{shown}" if kind else shown


def secrets_of(settings: Mapping[str, Any]) -> Iterator[str]:
    """The settings, by name, that may tell of somebody, and what is inside of them."""
    for name in _WORDS:
        value = settings.get(name)
        if isinstance(value, str) and not _PLAIN_WORD.fullmatch(value):
            yield value
            kind, _, rest = value.partition(":")
            if rest and kind.isalnum() and "/" in rest:
                yield rest


def _home(path: str) -> str:
    """A path below somebody's home: only what edgeseg itself put there keeps its name."""
    kept = _KEPT_TAILS.match(path)
    return f"<home>{kept[1]}" if kept else "<home>"
