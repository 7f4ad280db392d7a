"""A look at data that no definition speaks of yet: how it is written, and what its columns hold.

It is read as an import would read it: by a definition that says what was found out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args
from urllib.parse import urlsplit

import click
import polars as pl
from pydantic import ValidationError

from import_assets.cli.finding import Found, found, lying
from import_assets.errors import FileRefused, ImportAssetsError
from import_assets.formats.detection.detect import Detected, detect_csv
from import_assets.formats.detection.encoding import HEAD_BYTES
from import_assets.formats.detection.findings import Finding
from import_assets.formats.xml.opening import HEAD_BYTES as XML_HEAD_BYTES
from import_assets.formats.xml.reader import XmlReader
from import_assets.mapping.localtime import Zone
from import_assets.mapping.proposals import Proposal, propose
from import_assets.pipeline import trial
from import_assets.pipeline.content import Reader, first_bytes, is_xml, open_parts, part_name
from import_assets.pipeline.feeds import open_feed
from import_assets.pipeline.trial import Beginning
from import_assets.records import ColumnKind
from import_assets.sources.connect import Connections
from import_assets.sources.rows import SpooledRows
from import_assets.spec.formats import CsvFormat, Delimiter, Encoding, Quote, XmlFormat
from import_assets.spec.loading import Import, Project
from import_assets.spec.models import ImportSpec

_NAMED_DELIMITERS = {"tab": "\t", "\\t": "\t", "space": " "}
_OPTIONS = {
    "delimiter_unclear": "--delimiter C",
    "encoding_unclear": "--encoding NAME",
    "wrong_encoding": "--encoding NAME",
    "header_broken": "--delimiter C, --encoding NAME or --skip-lines N",
    "first_record_broken": "--delimiter C, --encoding NAME or --skip-lines N",
}
"""Why a file cannot be read before the user says something, and how it is said."""

Said = Mapping[str, Any]
"""What the user says about the format, by key of `csv`."""


# --- what the user says ---------------------------------------------------------------------------


def said_format(
    delimiter: str | None = None,
    encoding: str | None = None,
    quote: str | None = None,
    header: bool | None = None,
    skip_lines: int | None = None,
) -> dict[str, Any]:
    """Return what options say about the format; raises click.BadParameter for what is unknown."""
    given = {"quote": quote, "header": header, "skip_lines": skip_lines}
    said: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if delimiter is not None:
        said["delimiter"] = _NAMED_DELIMITERS.get(delimiter.lower(), delimiter)
        _check_allowed("--delimiter", said["delimiter"], get_args(Delimiter))
    if quote is not None:
        _check_allowed("--quote", quote, get_args(Quote))
    if encoding is not None:
        said["encoding"] = encoding.lower()
        _check_allowed("--encoding", said["encoding"], get_args(Encoding))
    return said


def _check_allowed(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        shown = ", ".join(repr(one) if option == "--delimiter" else one for one in allowed)
        raise click.BadParameter(f"{value!r} is not allowed; allowed: {shown}", param_hint=option)


def with_csv(definition: Import, said: Said) -> Import:
    """Return a definition as if its `csv` said this too."""
    if not said:
        return definition
    csv = definition.spec.csv.model_copy(update=dict(said))
    format_ = definition.spec.format.model_copy(update={"csv": csv})
    return replace(definition, spec=definition.spec.model_copy(update={"format": format_}))


# --- where it is ----------------------------------------------------------------------------------


def is_address(text: str) -> bool:
    """Tell whether a name on the command line is an address."""
    return urlsplit(text).scheme in ("http", "https")


def source_of_address(address: str, project: Project) -> dict[str, Any]:
    """Return the source of an address: by the project's connection to it, if it has one."""
    for name, connection in project.spec.connections.items():
        if connection.http is None:
            continue
        base = connection.http.address.rstrip("/")
        if address == base or address.startswith((f"{base}/", f"{base}?")):
            path = address[len(base) :]
            return {"url": {"connection": name, **({"path": path} if path else {})}}
    return {"url": {"address": address}}


def probe(project: Project, source: Mapping[str, Any]) -> Import:
    """Return the definition by which data is read that none speaks of: any columns, as text.

    Raises ImportAssetsError where the source is none that a definition could have.
    """
    document = {
        "kind": "customers",
        "source": dict(source),
        "columns": [{"from": "-", "id": next(iter(project.spec.identifiers))}],
    }
    try:
        spec = ImportSpec.model_validate(document)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        told = "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in faults)
        raise ImportAssetsError(f"the source cannot be used: {told}") from None
    return Import("preview", project.file, spec, project)


# --- what is there --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Looked:
    """What was seen of the first records.

    `file` is what they are of: in an archive, its first file. `csv` or `xml` is how it is written,
    and `findings` by the keys of `csv`, what of it was found out and how sure that is.
    """

    file: str
    reader: Reader
    first: Beginning
    zone: Zone
    csv: CsvFormat | None
    xml: XmlFormat | None
    findings: Mapping[str, Finding[Any]]

    @cached_property
    def frame(self) -> pl.DataFrame:
        """The cells of the records that can be read, as they are written."""
        return self.first.frame

    @cached_property
    def proposals(self) -> dict[str, Proposal]:
        """What each column may be, by its name."""
        return {
            name: propose(self.frame[name], kind=self.kind(name), zone=self.zone)
            for name in self.reader.header
        }

    def kind(self, column: str) -> ColumnKind:
        """Return what the cells of a column are by their source."""
        return self.reader.declared.get(column) or self.reader.kinds.get(column, "text")


def look_at_file(definition: Import, file: Path, records: int, said: Said) -> Looked:
    """Read the first records of a file of this machine, or of standard input.

    Raises:
        FileRefused: it is nothing that can be read.
        ImportAssetsError: how it is written is not clear; says which option tells it.
        SourceError: it cannot be had.
    """
    limits = definition.project.spec.limits
    with (
        TemporaryDirectory(prefix="preview-") as folder,
        lying(file, Path(folder), limits) as seen,
    ):
        return _look(definition, seen, records, said)


def look_at_source(
    definition: Import, connections: Connections, records: int, said: Said
) -> Looked:
    """Fetch and read the first records of what a definition's source holds.

    A server is asked twice: for a sample, which tells how the file is written, and for a preview
    (M011). Raises what `look_at_file` does.
    """
    sample = b""
    if definition.spec.source.url is not None:
        sample = _sample(definition, connections)
    with (
        TemporaryDirectory(prefix="preview-") as folder,
        found(definition, connections, None, Path(folder), records) as seen,
    ):
        return _look(definition, seen, records, said, sample)


def _sample(definition: Import, connections: Connections) -> bytes:
    """Ask a server for a sample (D41)."""
    from import_assets.sources.feeds.url import UrlFeed

    feed = open_feed(definition, connections)
    if not isinstance(feed, UrlFeed):
        raise TypeError(f"{feed.place} is no address")
    return feed.sample()


def _look(definition: Import, seen: Found, records: int, said: Said, sample: bytes = b"") -> Looked:
    definition = with_csv(definition, said)
    try:
        detected = _detected(definition, seen, sample)
        if detected is not None:
            found_out = detected.csv(seen.name).model_dump()
            looked = _looked(with_csv(definition, found_out), seen, records)
            return replace(looked, findings=detected.findings)
        looked = _looked(definition, seen, records)
        if isinstance(looked.reader, XmlReader) and looked.reader.objects:
            # What is JSON in some rows and columns in others is of use to nobody.
            looked = _looked(_with_json(definition, looked.reader.objects), seen, records)
    except FileRefused as error:
        if error.reason in _OPTIONS:
            raise ImportAssetsError(f"{error}; here, say {_OPTIONS[error.reason]}") from error
        raise
    return looked


def _detected(definition: Import, seen: Found, sample: bytes) -> Detected | None:
    """Find out how a CSV is written; None for what is none."""
    if isinstance(seen.content.spooled, SpooledRows):
        return None
    head, whole = first_bytes(definition, seen.content, HEAD_BYTES)
    if is_xml(definition.spec.format, head[:XML_HEAD_BYTES], seen.name):
        return None
    csv = definition.spec.csv
    if seen.content.encoding is not None:
        csv = csv.model_copy(update={"encoding": seen.content.encoding})
    whole = whole and not seen.cut
    if len(sample) > len(head) and not whole:
        head = sample  # some servers say less about the beginning when they are asked for rows
    return detect_csv(head, whole=whole, said=csv)


def _looked(definition: Import, seen: Found, records: int) -> Looked:
    with closing(open_parts(definition, seen.content, cut=seen.cut)) as parts:
        part = next(parts)
        reader = part.reader
        first = trial.beginning(reader, records, cut=seen.cut)
    csv = xml = None
    if isinstance(reader, XmlReader):
        xml = (definition.spec.format.xml or XmlFormat()).model_copy(update={"row": reader.row})
    elif not isinstance(seen.content.spooled, SpooledRows):
        found_out = {"delimiter": reader.delimiter, "encoding": reader.encoding}
        csv = definition.spec.csv.model_copy(update=found_out)
    name = part_name(seen.name, part.member)
    return Looked(name, reader, first, Zone(definition.timezone), csv, xml, {})


def _with_json(definition: Import, names: Sequence[str]) -> Import:
    format_ = definition.spec.format.model_copy(
        update={"xml": XmlFormat().model_copy(update={"json_": list(names)})}
    )
    return replace(definition, spec=definition.spec.model_copy(update={"format": format_}))
