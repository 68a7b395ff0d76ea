"""Where profiles and config files lie. Light, for every run asks whether there are any."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from edgeseg.errors import NotPermitted

CONFIG = "config.yaml"
INSTANCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Places:
    """config: folders of config.yaml and of instances, the least important first. profiles: folders, the first wins."""

    config: tuple[Path, ...]
    profiles: tuple[Path, ...]

    @property
    def has_config(self) -> bool:
        """Whether there is a config.yaml, even one that cannot be read."""
        return any(is_there(folder / CONFIG) for folder in self.config)


def shipped() -> Path:
    """The folder of the profiles that come with edgeseg: in the wheel's data, or in the checkout."""
    inside = _PACKAGE / "_data" / "device_profiles"
    return inside if inside.is_dir() else _PACKAGE.parent / "device_profiles"


def places(root: Path = Path("/")) -> Places:
    """The machine's folder, /etc/edgeseg below `root`, and the user's own, such as ~/.config/edgeseg.

    A service has the one that systemd gives it ($CONFIGURATION_DIRECTORY, systemd.exec(5)) and no other.
    """
    if given := os.environ.get("CONFIGURATION_DIRECTORY"):
        own = Path(given.split(":")[0])
        return Places((own,), (own / "profiles", shipped()))
    machine, user = root / "etc" / "edgeseg", user_folder()
    return Places((machine, user), (user / "profiles", machine / "profiles", shipped()))


def user_folder() -> Path:
    """What platformdirs says too; importing that would cost each run some milliseconds."""
    chosen = os.environ.get("XDG_CONFIG_HOME", "").strip()
    # Not Path.expanduser: it fails for a user without a home, who has no files there either.
    return Path(os.path.expanduser(chosen or "~/.config")) / "edgeseg"  # noqa: PTH111


def yaml_files(folder: Path) -> list[Path]:
    """The folder's YAML files by name, but for hidden ones, which editors leave. Raises NotPermitted."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - glob says nothing of a folder that it may not read
    except PermissionError as error:
        if not is_there(folder):
            return []
        raise NotPermitted(f"{folder} may not be read: {error.strerror}.") from error
    except OSError:  # it is not there
        return []
    names = [name for name in names if name.endswith(".yaml") and not name.startswith(".")]
    return [folder / name for name in sorted(names, key=lambda name: name.removesuffix(".yaml"))]


def is_there(path: Path) -> bool:
    """Whether there is anything of that name, also if it cannot be read, so that somebody says so.

    In a folder that may not be looked into there may be; but not if not even that folder can be seen, as in the home
    of another user whose environment was taken over.
    """
    try:
        os.lstat(path)
    except PermissionError:
        return _is_seen(path.parent)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return True


def _is_seen(folder: Path) -> bool:
    try:
        os.lstat(folder)
    except OSError:
        return False
    return True
