"""The pages of the UI as a visitor uses them: by what is written on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import ConsoleMessage, Locator, Page, ViewportSize, expect

WAIT_MILLISECONDS = 120_000
"""How long anything may take to appear; generous, since machines can be busy."""

VIEWPORT: ViewportSize = {"width": 1500, "height": 1000}

_MOST_CLICKS = 20
_HEAD_PIXELS = 110
"""Height of what stands above a graph."""

_MOST_LOOKS = 8
_STILL = 3
_LOOK_MILLISECONDS = 1_000

View = Literal["overview", "partitions", "events", "checks", "lineage"]

expect.set_options(timeout=WAIT_MILLISECONDS)


class Visitor:
    """Somebody in front of the UI, who notices what goes wrong behind the page."""

    def __init__(self, page: Page, url: str, pictures: Path | None) -> None:
        """Take an empty page, the address of the UI, and the folder for pictures, if any."""
        self.page = page
        self.faults: list[str] = []
        self.strangers: set[str] = set()
        self._url = url
        self._pictures = pictures
        page.set_default_timeout(WAIT_MILLISECONDS)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.faults.append(f"{error}"))
        page.on("request", lambda request: self._on_address(request.url))
        page.on("websocket", lambda socket: self._on_address(socket.url))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(message.text)

    def _on_address(self, address: str) -> None:
        """Remember whoever is asked for anything and is not this machine."""
        parts = urlsplit(address)
        if parts.scheme not in ("data", "blob") and parts.hostname != urlsplit(self._url).hostname:
            self.strangers.add(address)

    def open(self, path: str) -> None:
        """Go to a page by its path."""
        self.page.goto(self._url + path)

    def open_asset(self, key: str, view: View = "overview", partition: str | None = None) -> None:
        """Go to a page of an asset."""
        chosen = f"&partition={quote(partition, safe='')}" if partition else ""
        self.open(f"/assets/{key}?view={view}{chosen}")
        name = key.rpartition("/")[2]
        self.sees(name, exact=True)

    def text(self, text: str, *, exact: bool = False) -> Locator:
        """Return where a text is written; names stand in hidden nodes too, for measuring."""
        return self.page.get_by_text(text, exact=exact).locator("visible=true").first

    def sees(self, *texts: str, exact: bool = False) -> None:
        """Wait until each of the texts is there to be read."""
        for text in texts:
            expect(self.text(text, exact=exact)).to_be_visible()

    def zooms_out_until_it_sees(self, *names: str) -> None:
        """Zoom out of a graph until each name is on the screen, as often as it is given."""
        smaller = self.page.locator("button:has([aria-label=zoom_out])").first
        wanted = Counter(names)
        for _click in range(_MOST_CLICKS):
            self.page.wait_for_load_state("networkidle")
            if all(self._on_screen(name) >= count for name, count in wanted.items()):
                return
            smaller.click()
        pytest.fail(f"not all of {names} can be seen in the graph")

    def _on_screen(self, text: str) -> int:
        """Count how often a text stands below the head of the page and above its end."""
        found = self.page.get_by_text(text, exact=True).locator("visible=true")
        return found.evaluate_all(
            "(nodes, head) => nodes.map(node => node.getBoundingClientRect()).filter("
            "box => box.top > head && box.bottom < window.innerHeight).length",
            _HEAD_PIXELS,
        )

    def picture(self, name: str) -> None:
        """Keep a picture of the screen, if pictures are wanted, once nothing on it moves."""
        if self._pictures is None:
            return
        self._pictures.mkdir(parents=True, exist_ok=True)
        path = self._pictures / f"{name}.png"
        before = [b""]
        for _look in range(_MOST_LOOKS):
            now = self.page.screenshot(path=path)
            if before[-_STILL:] == [now] * _STILL:
                return
            before.append(now)
            self.page.wait_for_timeout(_LOOK_MILLISECONDS)

    def ask_to_materialize(self, name: str) -> LaunchDialog:
        """Open the page of an import and press Materialize."""
        self.open_asset(f"imports/{name}")
        self.page.get_by_role("button", name="Materialize").first.click()
        dialog = self.page.get_by_role("dialog").filter(has_text="Partition selection")
        expect(dialog).to_be_visible()
        return LaunchDialog(self, dialog)


class LaunchDialog:
    """The dialog in which the partitions to materialize are chosen."""

    def __init__(self, visitor: Visitor, dialog: Locator) -> None:
        """Take the visitor in front of it, and the dialog."""
        self._visitor = visitor
        self._page = visitor.page
        self._dialog = dialog

    def choose(self, keys: Sequence[str]) -> None:
        """Tick partitions in the list."""
        self._dialog.get_by_text("Select a partition").click()
        for key in keys:
            self._page.locator("li").get_by_title(key, exact=True).click()
        self._page.keyboard.press("Escape")
        expect(self._page.get_by_placeholder("Filter partitions")).to_be_hidden()
        plural = "" if len(keys) == 1 else "s"
        expect(self._dialog).to_contain_text(f"{len(keys)} partition{plural}")

    def choose_all(self, count: int) -> None:
        """Press All."""
        self._dialog.get_by_role("button", name="All", exact=True).click()
        expect(self._dialog).to_contain_text(f"{count} partitions")

    def add(self, key: str) -> None:
        """Type the name of a new partition."""
        self._dialog.get_by_text("Add a partition").click()
        self._page.get_by_placeholder("name", exact=True).fill(key)
        self._page.get_by_role("button", name="Save", exact=True).click()
        expect(self._dialog).to_contain_text("1 partition")

    def configure(self, config: str) -> None:
        """Put text into the editor of the run's configuration, as from the clipboard."""
        self._dialog.get_by_text("Config", exact=True).click()
        self._dialog.get_by_role("button", name="Add config").click()
        editor = self._page.get_by_role("dialog").filter(has_text="Config Editor")
        editor.locator(".CodeMirror").first.click()
        self._page.keyboard.insert_text(config)
        expect(editor).to_contain_text("No errors")
        editor.get_by_role("button", name="Save config").click()
        expect(editor).to_be_hidden()

    def launch(self) -> None:
        """Press the button that starts it, whatever it is called now, and wait until it is done."""
        self._dialog.get_by_role("button", name="Launch").click()
        expect(self._dialog).to_be_hidden()
