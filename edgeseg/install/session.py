"""What the commands do, with the lock held: install, upgrade, roll back, settle, uninstall."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgeseg.clock import Clock
from edgeseg.errors import AssetError, NotPermitted, UsageError
from edgeseg.install import doing, page, release, upgrade
from edgeseg.install.checks import NEEDED_MB, Problem, problems, refuse
from edgeseg.install.here import Here
from edgeseg.install.history import Outcome
from edgeseg.install.lock import alone
from edgeseg.install.machine import Machine, read_machine
from edgeseg.install.manifest import Manifest
from edgeseg.install.page import PageWish
from edgeseg.install.plan import plan
from edgeseg.install.systemd import Systemd
from edgeseg.install.tools import Say, Tools
from edgeseg.install.wheel import at_hand, read_wheel
from edgeseg.install.where import Where
from edgeseg.install.wish import Wish


@dataclass(frozen=True, slots=True)
class Session:
    """The machine and the ports; see `Here`."""

    where: Where
    systemd: Systemd
    tools: Tools
    clock: Clock
    say: Say
    today: Callable[[], str]

    def here(self) -> Here:
        """With the manifest as it is now."""
        manifest = Manifest(self.where)
        return Here(self.where, self.systemd, self.tools, self.clock, self.say, self.today, manifest)

    def machine(self) -> Machine:
        """What is known of it."""
        return read_machine(self.where, self.systemd.is_here())

    def install(self, wish: Wish, dry_run: bool, machine: Machine | None = None) -> list[str]:
        """Install an instance; the words of what was done, or with `dry_run` would be. Raises EdgesegError."""
        machine = machine or self.machine()
        found = problems(wish, machine, self.where)
        try:
            wheel = read_wheel(at_hand(wish.wheel))
            steps = plan(wish, machine, wheel)
        except (UsageError, AssetError) as error:
            if not any(one.sentence == str(error) for one in found):
                found.insert(0, Problem(type(error), str(error)))
            steps = []
        here = self.here()
        if steps:
            found += doing.in_the_way(here, steps, wheel)
        refuse([one for one in found if not (dry_run and one.kind is NotPermitted)], self.say)
        if dry_run:
            return [step.words() for step in doing.to_do(here, steps)]
        with self._alone() as here:
            return [step.words() for step in doing.do(here, steps)]

    def upgrade(self, wheel: Path | None, wheelhouse: Path | None, watch_s: float, keep: int) -> Outcome:
        """See `upgrade.upgrade`."""
        self._must_be_root()
        read = read_wheel(at_hand(wheel))
        free = self.machine().free_mb
        if free < NEEDED_MB // 2:
            raise UsageError(
                f"/opt has {free} MB free, and {NEEDED_MB // 2} MB are needed for a release beside the one that runs:"
                " remove an old one (edgeseg service releases) or make room."
            )
        with self._alone() as here:
            return upgrade.upgrade(here, read, wheelhouse, watch_s, keep)

    def roll_back(self, version: str | None, wait_s: float) -> Outcome:
        """See `upgrade.roll_back`."""
        self._must_be_root()
        with self._alone() as here:
            return upgrade.roll_back(here, version, wait_s)

    def settle(self, at_boot: bool = False) -> Outcome | None:
        """See `upgrade.settle`."""
        self._must_be_root()
        with self._alone() as here:
            return upgrade.settle(here, at_boot)

    def discard(self, version: str) -> None:
        """Take an old release away."""
        self._must_be_root()
        with self._alone() as here:
            if version not in release.versions(here.where):
                raise UsageError(f"There is no release {version}; see edgeseg service releases.")
            release.discard(here.where, version)

    def page_on(self, wish: PageWish) -> list[str]:
        """See `page.turn_on`."""
        self._must_be_root()
        with self._alone() as here:
            return page.turn_on(here, wish)

    def page_off(self, instance: str, wait_s: float) -> list[str]:
        """See `page.turn_off`."""
        self._must_be_root()
        with self._alone() as here:
            return page.turn_off(here, instance, wait_s)

    def uninstall(self, keep_state: bool) -> list[str]:
        """See `doing.uninstall`."""
        self._must_be_root()
        if not self.where.base.exists():
            raise UsageError("edgeseg is not installed as a service here: there is nothing to take away.")
        with self._alone() as here:
            return doing.uninstall(here, keep_state)

    @contextmanager
    def _alone(self) -> Iterator[Here]:
        with alone(self.where):
            yield self.here()

    def _must_be_root(self) -> None:
        if self.where.root == Path("/") and os.geteuid() != 0:
            raise NotPermitted("This changes the service: run the same with sudo.")
