"""The emulator of Google Cloud Storage, made to list page by page; run as `gcs_paged.py PORT`."""

from __future__ import annotations

import base64
import sys
from typing import Any

_PAGE = 100


class _Caught:
    """An answer whose content is kept back."""

    def __init__(self, response: Any) -> None:
        object.__setattr__(self, "_response", response)
        object.__setattr__(self, "content", None)

    def json(self, content: dict[str, Any]) -> None:
        object.__setattr__(self, "content", content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._response, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._response, name, value)


def _page(content: dict[str, Any], query: dict[str, list[str]]) -> dict[str, Any]:
    """Return the part of a listing that a request asks for, in the order of names."""
    token = base64.urlsafe_b64decode(query.get("pageToken", [""])[0]).decode()
    most = min(int(query.get("maxResults", [str(_PAGE)])[0]), _PAGE)
    items = sorted(content["items"], key=lambda item: item["name"].encode())
    rest = [item for item in items if item["name"].encode() > token.encode()]
    page = {"kind": content["kind"], "items": rest[:most]}
    if not token and content.get("prefixes"):
        page["prefixes"] = content["prefixes"]
    if len(rest) > most:
        last = rest[most - 1]["name"].encode()
        page["nextPageToken"] = base64.urlsafe_b64encode(last).decode()
    return page


def _serve(port: int) -> None:
    from gcp_storage_emulator import server
    from gcp_storage_emulator.handlers import objects

    whole = objects.ls

    def paged(request: Any, response: Any, storage: Any, *args: Any, **kwargs: Any) -> None:
        caught = _Caught(response)
        whole(request, caught, storage, *args, **kwargs)
        if caught.content is not None:
            response.json(_page(caught.content, request.query))

    # The emulator gives every listing in one piece, which the real one never does.
    routes: Any = server.HANDLERS
    for _, handlers in routes:
        for method, handler in list(handlers.items()):
            if handler is whole:
                handlers[method] = paged
    server.create_server("127.0.0.1", port, in_memory=True).run()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
