"""The hosts of deploy/farm/farm.yaml that are no emulators: two sshds in networks of their own, and a labgrid lab.

    python -m tests.lab.farm_lab up|down|status

They stay until `down`, in ~/.cache/edgeseg-farm-lab. `up` where they are up already does nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.lab import farm_hosts, farm_places
from tests.lab.farm_hosts import Hosts
from tests.lab.farm_places import Places

FOLDER = Path.home() / ".cache" / "edgeseg-farm-lab"
HOSTS = Hosts(FOLDER / "hosts", 0)
PLACES = Places(FOLDER / "places", 20409, HOSTS.host)


def is_up() -> bool:
    """Whether all of it answers."""
    if not HOSTS.is_up():
        return False
    found = PLACES.client("resources")
    return found.returncode == 0 and "edgeseg/lab/NetworkService" in found.stdout


def main() -> int:
    """Do what is asked; exit code 8 where there can be no lab, 1 if `status` finds it down."""
    if sys.argv[1:] == ["down"]:
        PLACES.down()
        HOSTS.down()
        return 0
    if sys.argv[1:] not in (["up"], ["status"]):
        print(__doc__, file=sys.stderr)
        return 2
    if reason := farm_hosts.missing() or farm_places.missing():
        print(f"No lab here: {reason}.", file=sys.stderr)
        return 8
    if not is_up():
        if sys.argv[1] == "status":
            print("down")
            return 1
        PLACES.down()
        HOSTS.up()
        PLACES.up()
    print("up")
    return 0


if __name__ == "__main__":
    sys.exit(main())
