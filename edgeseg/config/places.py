"""Where profiles and config files lie. Light, for every run asks whether there are any."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

CONFIG = "config.yaml"
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
    """The machine's folder, /etc/edgeseg below `root`, and the user's own, such as ~/.config/edgeseg."""
    machine, user = root / "etc" / "edgeseg", user_folder()
    return Places((machine, user), (user / "profiles", machine / "profiles", shipped()))


def user_folder() -> Path:
    """What platformdirs says too; importing that would cost each run some milliseconds."""
    chosen = os.environ.get("XDG_CONFIG_HOME", "").strip()
    return Path(chosen or "~/.config").expanduser() / "edgeseg"


def is_there(path: Path) -> bool:
    """Whether there is anything of that name; what may not be looked at counts, so that somebody says so."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return True
