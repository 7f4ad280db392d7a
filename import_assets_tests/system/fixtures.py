"""Fixtures of the tests that need a running server. One server serves them all.

It is kept in the session's configuration and not by a fixture's scope, because the folders of
tests that share it would each have an instance of the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from import_assets_tests.system.shop import FirstStart, Shop, first_start

MARKS = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.system,
]
"""Of all tests with a server; `make test` runs them in one process, after all others."""

_STARTED: pytest.StashKey[FirstStart | None] = pytest.StashKey()
_LINES_SHOWN = 200


def start_once(config: pytest.Config, folders: pytest.TempPathFactory) -> FirstStart:
    """Return the sample shop after its first start, which happens once in a session."""
    stash = config.stash
    if _STARTED not in stash:
        stash[_STARTED] = None  # a start that failed is not tried again
        stash[_STARTED] = found = first_start(folders.mktemp("dagster") / "project")
        config.add_cleanup(found.shop.server.kill)
    found = stash[_STARTED]
    if found is None:
        pytest.fail("the server could not be started; see the first test that wanted it")
    return found


@pytest.fixture(scope="session")
def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FirstStart:
    """The sample shop after its first start."""
    return start_once(request.config, tmp_path_factory)


@pytest.fixture
def shop(started: FirstStart) -> Shop:
    """The shop with its server running, whatever the test before did to it."""
    if not started.shop.server.running:
        started.shop.server.start()
    return started.shop


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Show the end of the server's log with a test that failed."""
    report = yield
    started = item.config.stash.get(_STARTED, None)
    if report.failed and started is not None:
        lines = started.shop.server.log.splitlines()[-_LINES_SHOWN:]
        report.sections.append(("the end of Dagster's log", "\n".join(lines)))
    return report
