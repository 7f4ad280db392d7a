"""Objects of a page of a listing of S3, read by the parser of the standard library alone.

botocore walks an answer along a model of it and tries all ways of writing a time, which takes ten
times as long. What this cannot read it leaves to botocore, which then says what is wrong.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from xml.etree import ElementTree

from import_assets.sources.uncollected import uncollected

_PAGE = "ListBucketResult"


def read_pages_quickly(client: Any) -> None:
    """Have a client of boto3 for S3 read pages of ListObjectsV2 this way, from now on."""
    # With an asterisk it comes before a handler of botocore's own that parses the whole page too.
    client.meta.events.register(
        "before-parse.*.ListObjectsV2", _take_objects, unique_id="import_assets objects"
    )


def _take_objects(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any
) -> None:
    """Move the objects of a page from what botocore will read to what it adds in the end."""
    with uncollected():
        taken = _taken(response_dict["body"])
    if taken is not None:
        response_dict["body"], customized_response_dict["Contents"] = taken


def _taken(body: bytes) -> tuple[bytes, list[dict[str, Any]]] | None:
    """Return a page without its objects, and these; or None where they cannot be read."""
    try:
        # botocore reads it with the same parser, which refuses what grows by its own entities.
        page = ElementTree.fromstring(body)  # noqa: S314
        if page.tag.rpartition("}")[2] != _PAGE:
            return None
        space = page.tag[: -len(_PAGE)]
        # Whatever their namespace, as botocore takes them: what is of another one is left to it.
        found = page.findall("{*}Contents")
        objects = [_object(space, {part.tag: part.text or "" for part in one}) for one in found]
    except (ElementTree.ParseError, KeyError, ValueError):
        return None
    for one in found:
        page.remove(one)
    return ElementTree.tostring(page), objects


def _object(space: str, parts: dict[str, str]) -> dict[str, Any]:
    written = parts[f"{space}LastModified"]
    if not written.endswith("Z"):
        raise ValueError(written)
    return {
        "Key": parts[f"{space}Key"],
        "Size": int(parts[f"{space}Size"]),
        "LastModified": datetime.fromisoformat(written),
        "ETag": parts.get(f"{space}ETag", ""),
    }
