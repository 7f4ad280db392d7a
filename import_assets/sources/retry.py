"""Trying again at once what a broken connection interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from import_assets.errors import Disconnected

Result = TypeVar("Result")

PAUSES = (1.0, 4.0)
"""Seconds between attempts, so one attempt more than there are pauses."""


def retrying(
    call: Callable[[], Result],
    *,
    pauses: Sequence[float] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Return what `call` returns; while it raises Disconnected, pause and call it again.

    `pauses` are seconds, `PAUSES` if left out.

    Raises:
        Disconnected: The last attempt failed too.
    """
    for pause in PAUSES if pauses is None else pauses:
        try:
            return call()
        except Disconnected:
            sleep(pause)
    return call()
