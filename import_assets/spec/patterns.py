"""The file filter of a storage: a regular expression, an exact name or a glob (M020, D07, D08)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import re2

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


@dataclass(frozen=True)
class FilePattern:
    """Decides which files of a folder an import takes.

    `/customers_[0-9]+\\.csv/` is a regular expression (RE2, linear time) that must match the whole
    name; anything else is an exact name, in which `*` and `?` stand for any characters but `/`.
    A pattern with a `/` inside is matched against the path below the folder instead of the name,
    and so reaches into sub-folders.
    """

    text: str

    def __post_init__(self) -> None:
        self._compile()

    def matches(self, path: str) -> bool:
        """Tell whether the file at `path`, relative to the folder with `/` between parts, is taken."""
        subject = path if self.reaches_into_folders else path.rsplit("/", 1)[-1]
        return self._compile().fullmatch(subject) is not None

    @property
    def reaches_into_folders(self) -> bool:
        """True where the pattern speaks of paths below the folder, not of bare file names."""
        return "/" in (self.text[1:-1] if self._is_regex else self.text)

    @property
    def _is_regex(self) -> bool:
        return len(self.text) > 2 and self.text.startswith("/") and self.text.endswith("/")

    def _compile(self) -> Any:
        text = self.text
        if not text:
            raise ValueError("the file filter is empty")
        if self._is_regex:
            try:
                return re2.compile(text[1:-1], _OPTIONS)
            except re2.error as error:
                reason = error.args[0] if error.args else error
                if isinstance(reason, bytes):
                    reason = reason.decode("utf-8", "replace")
                raise ValueError(f"not a regular expression (RE2 syntax): {reason}") from None
        if text.startswith("/") or text.endswith("/"):
            raise ValueError(
                "a slash at one end only: write /…/ for a regular expression, "
                "or no slash at the ends for an exact name or a glob (D08)"
            )
        if ".." in text.split("/"):
            raise ValueError("a file filter may not leave its folder by '..'")
        return re2.compile(_glob(text), _OPTIONS)


def _glob(text: str) -> str:
    parts = {"*": "[^/]*", "?": "[^/]"}
    return "(?s)" + "".join(parts.get(char) or re2.escape(char) for char in text)
