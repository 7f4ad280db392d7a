"""Lists a bucket of many objects page by page, and prints seconds and the peak of memory.

The server is a stub that has its pages ready, so what is measured is the client's own work.

    python benchmarks/list_objects.py [OBJECTS]
"""

from __future__ import annotations

import resource
import sys
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage as google

from import_assets.sources.listing import list_matching
from import_assets.sources.storage.base import Storage
from import_assets.sources.storage.gcs import GcsStorage
from import_assets.sources.storage.s3 import S3Storage
from import_assets.spec.patterns import FilePattern

OBJECTS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
PAGE = 1_000
BUCKET = "exports"


class Handler(BaseHTTPRequestHandler):
    """Answers listings of S3 and of Google Cloud Storage."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with one page."""
        query = parse_qs(urlsplit(self.path).query)
        google_asks = "/storage/v1/" in self.path
        token = query.get("pageToken" if google_asks else "continuation-token", ["0"])[0]
        first = int(token)
        last = min(first + PAGE, OBJECTS)
        kind = "json" if google_asks else "xml"
        body = (_google_page if google_asks else _s3_page)(first, last)
        self.send_response(200)
        self.send_header("Content-Type", f"application/{kind}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        """Say nothing."""


@cache
def _s3_page(first: int, last: int) -> bytes:
    contents = "".join(
        f"<Contents><Key>in/customers_{number:08d}.csv</Key><Size>1000</Size>"
        f"<LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        f"<ETag>&quot;{number:032x}&quot;</ETag></Contents>"
        for number in range(first, last)
    )
    more = "true" if last < OBJECTS else "false"
    token = f"<NextContinuationToken>{last}</NextContinuationToken>" if last < OBJECTS else ""
    inside = f"<IsTruncated>{more}</IsTruncated>{token}{contents}"
    return f"<ListBucketResult>{inside}</ListBucketResult>".encode()


@cache
def _google_page(first: int, last: int) -> bytes:
    items = ",".join(
        f'{{"name":"in/customers_{number:08d}.csv","size":"1000","generation":"{number + 1}",'
        f'"updated":"2026-01-01T00:00:00.000Z"}}'
        for number in range(first, last)
    )
    token = f'"nextPageToken":"{last}",' if last < OBJECTS else ""
    return f'{{{token}"items":[{items}]}}'.encode()


def _s3(address: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="benchmark",
        aws_secret_access_key="benchmark",
    )


def _gcs(address: str) -> Any:
    return google.Client(
        project="benchmark",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": address},
        use_auth_w_custom_endpoint=False,
    )


def _measure(what: str, storage: Storage) -> None:
    started = time.perf_counter()
    listing = list_matching(storage, FilePattern("customers_*.csv"))
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024
    sys.stdout.write(f"{what}: {len(listing.deliveries):,} in {seconds:.1f} s, peak {peak} MB\n")


def main() -> None:
    """Measure both."""
    for first in range(0, OBJECTS, PAGE):
        for page in (_s3_page, _google_page):
            page(first, min(first + PAGE, OBJECTS))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024
    sys.stdout.write(f"before: peak {start} MB\n")
    _measure("S3", S3Storage(_s3(address), "benchmark", BUCKET, "in/"))
    _measure("GCS", GcsStorage(_gcs(address), "benchmark", BUCKET, "in/", 30))
    server.shutdown()


if __name__ == "__main__":
    main()
