"""A browser, the running server, and its log where a test fails."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from import_assets_tests.browser.pages import VIEWPORT, Visitor
from import_assets_tests.servers.required import missing
from import_assets_tests.system.fixtures import pytest_runtest_makereport, shop, start_once
from import_assets_tests.system.shop import FirstStart, Shop

__all__ = ["pytest_runtest_makereport", "shop"]

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_SCREENSHOTS = "IMPORT_ASSETS_SCREENSHOTS"
"""Environment variable: a folder to keep pictures of the pages in."""

# No sandbox, so that it starts as root in a container; the rest keeps it from calling home.
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser_path() -> str:
    """The browser of this machine; without one the tests are skipped, or fail if it is required."""
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        missing("browser", f"no browser on the PATH: one of {', '.join(_BROWSERS)}")
    return found


@pytest.fixture(scope="session")
def started(
    browser_path: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> FirstStart:
    """The sample shop after its first start, which is not made where there is no browser."""
    return start_once(request.config, tmp_path_factory)


# Not for the whole session: while Playwright is on, no other test could run an event loop.
@pytest.fixture(scope="module")
def browser(browser_path: str) -> Iterator[Browser]:
    """The browser, started once for all tests of a module."""
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=browser_path, args=list(_ARGUMENTS))


@pytest.fixture
def visitor(browser: Browser, shop: Shop) -> Iterator[Visitor]:
    """Somebody in front of the UI; at the end nothing may have gone wrong behind their back."""
    folder = os.environ.get(_SCREENSHOTS)
    with browser.new_context(viewport=VIEWPORT) as context:
        someone = Visitor(context.new_page(), shop.server.url, Path(folder) if folder else None)
        yield someone
        assert someone.faults == []
        assert someone.strangers == set()
