"""The farm as tests, for a team's own CI: one test a device and candidate.

    pytest -p deploy.farm.pytest_plugin --edgeseg-farm farm.yaml
    pytest -p deploy.farm.pytest_plugin --edgeseg-farm farm.yaml -k "pi4 and int8" tests/

Without paths only the farm is run; with paths, these too. The first test runs the devices of all tests that are
selected, at once; a run that was stopped is gone on with. A test fails with the verdict's sentence if the candidate
regressed. It is an error, which is no failure and no pass, if the device was lost or the baseline is of another golden
set, for nothing was proven (`--edgeseg-farm-lost skip` skips lost ones). It is skipped where there is no baseline yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edgeseg.errors import EdgesegError, UsageError

if TYPE_CHECKING:
    from deploy.farm.card import Candidate
    from deploy.farm.farmfile import Farm
    from deploy.farm.judging import Outcome
    from deploy.farm.session import Session

_RUN = pytest.StashKey["FarmRun"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options; all but the first are as those of `python -m deploy.farm run`."""
    group = parser.getgroup("edgeseg farm")
    group.addoption("--edgeseg-farm", type=Path, metavar="FILE", help="The farm file: one test a device and candidate.")
    group.addoption("--edgeseg-farm-baselines", type=Path, metavar="DIR", help="What was accepted before.")
    group.addoption("--edgeseg-farm-output", type=Path, metavar="DIR", default=Path("farm-output"), help="Of runs.")
    group.addoption("--edgeseg-farm-cache", type=Path, metavar="DIR", help="Where devices' parts are kept.")
    group.addoption("--edgeseg-farm-report", type=Path, metavar="DIR", help="Write the report there.")
    group.addoption("--edgeseg-farm-wheel", type=Path, metavar="FILE", help="This wheel, not one of the checkout.")
    group.addoption(
        "--edgeseg-farm-lost", choices=("error", "skip"), default="error", help="What a lost device's tests are."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Have the farm file collected."""
    file: Path | None = config.getoption("--edgeseg-farm")
    if file is None:
        return
    if not file.is_file():
        raise pytest.UsageError(f"--edgeseg-farm: there is no file {file}.")
    is_named = config.args_source is pytest.Config.ArgsSource.ARGS
    config.args[:] = [*(config.args if is_named else []), str(file)]
    config.stash[_RUN] = FarmRun(config, file)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The farm file's tests."""
    run = parent.config.stash.get(_RUN, None)
    if run is None or file_path != run.path:
        return None
    return FarmFile.from_parent(parent, path=file_path)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report, if it is wished for and anything was run."""
    run = session.config.stash.get(_RUN, None)
    if run is not None:
        run.report()


class FarmRun:
    """The farm's one run for all tests."""

    def __init__(self, config: pytest.Config, file: Path) -> None:
        self.path = file.resolve()
        self._config = config
        self._farm: Farm | None = None
        self._done: Session | None = None
        self._error: EdgesegError | None = None

    @property
    def farm(self) -> Farm:
        """The farm file; raises ConfigError, UsageError."""
        from deploy.farm import session

        if self._farm is None:
            self._farm = session.read(self.path)
        return self._farm

    def outcome(self, item: FarmItem) -> Outcome:
        """What came of a test's candidate; the farm is run for the first. Raises EdgesegError, for all tests alike."""
        if self._error is None and self._done is None:
            names = dict.fromkeys(one.device for one in item.session.items if isinstance(one, FarmItem))
            try:
                self._done = self._run(list(names))
            except EdgesegError as error:
                self._error = error
        if self._done is None:
            raise self._error or UsageError("The farm was stopped.")
        for found in self._done.outcomes:
            if (found.card.device, found.card.candidate) == (item.device, item.candidate):
                return found
        raise UsageError(f"{item.device}: {item.candidate}: the run has no card of it.")

    def report(self) -> None:
        """See `pytest_sessionfinish`."""
        folder: Path | None = self._config.getoption("--edgeseg-farm-report")
        if folder is None or self._done is None:
            return
        from deploy.farm import report

        when = datetime.now().astimezone().isoformat(" ", "seconds")
        report.write(folder, self._done.outcomes, self._done.golden, self._baselines(), when)

    def _run(self, names: list[str]) -> Session:
        from deploy.farm import session
        from deploy.farm.screen import watching

        return session.run(
            self.farm,
            names,
            self._config.getoption("--edgeseg-farm-output"),
            session.cache_of(self._config.getoption("--edgeseg-farm-cache")),
            self._baselines(),
            datetime.now().astimezone().strftime("%Y%m%d-%H%M%S"),
            watching,
            wheel=self._config.getoption("--edgeseg-farm-wheel"),
        )

    def _baselines(self) -> Path:
        from deploy.farm import baseline, session

        folder: Path | None = self._config.getoption("--edgeseg-farm-baselines")
        return session.baselines_of(folder or baseline.FOLDER, self.farm.golden)


class FarmFile(pytest.File):
    """The farm file, its tests in the order of devices and tiers."""

    def collect(self) -> Iterator[FarmItem]:
        """One test for each job that the farm has."""
        from deploy.farm import session
        from deploy.farm.jobs import candidates_of

        try:
            farm = self.config.stash[_RUN].farm
            known = list(session.tiers_of(farm.models))
        except EdgesegError as error:
            raise self.CollectError(str(error)) from error
        for name in session.chosen(farm, ()):
            for candidate in candidates_of(farm, farm.entries[name], known):
                made: FarmItem = FarmItem.from_parent(
                    self, name=f"{name}[{candidate.key}]", device=name, candidate=candidate
                )
                yield made


class FarmItem(pytest.Item):
    """One candidate on one device."""

    def __init__(self, *, device: str, candidate: Candidate, **known: Any) -> None:
        super().__init__(**known)
        self.device, self.candidate = device, candidate
        self._outcome: Outcome | None = None

    def setup(self) -> None:
        """Have it run; a failure in here is an error for pytest."""
        from deploy.farm.rules import Status

        try:
            self._outcome = self.config.stash[_RUN].outcome(self)
        except EdgesegError as error:
            pytest.fail(str(error), pytrace=False)
        verdict = self._outcome.verdict
        may_skip = self.config.getoption("--edgeseg-farm-lost") == "skip"
        if verdict.status is Status.NEW or (verdict.status is Status.LOST and may_skip):
            pytest.skip(verdict.sentence)
        if verdict.status in (Status.LOST, Status.NOT_JUDGED):
            pytest.fail(verdict.sentence, pytrace=False)

    def runtest(self) -> None:
        """Fail if it regressed."""
        from deploy.farm.rules import Status

        assert self._outcome is not None
        verdict = self._outcome.verdict
        self.add_report_section("call", "farm", "\n".join([verdict.sentence, *verdict.notes]))
        if verdict.status is Status.REGRESSED:
            found = [f"  {finding.reason.value}: {finding.text}" for finding in verdict.findings]
            pytest.fail("\n".join([verdict.sentence, *found]), pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where pytest says that it is."""
        return self.path, None, f"{self.device}: {self.candidate}"
