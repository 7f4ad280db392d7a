"""Making the next block while one is worked on, so that both cores have something to do."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")
_END = object()


def ahead(items: Iterable[_Item]) -> Generator[_Item]:
    """Yield the items in their order; a thread makes the next one while one is worked on.

    What making an item raises comes where the item would have come. No more than one is made ahead,
    so that memory in use grows by one item.
    """
    iterator = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as maker:
        coming = maker.submit(next, iterator, _END)
        while (item := coming.result()) is not _END:
            coming = maker.submit(next, iterator, _END)
            yield item  # pyright: ignore[reportReturnType]
