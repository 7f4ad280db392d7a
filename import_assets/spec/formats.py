"""How the bytes of a delivery are written (M081-M084, M104-M108, D13-D17, D33).

What the definition leaves out is found in the file, or has the default of RFC 4180.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from import_assets.spec.base import StrictModel
from import_assets.spec.misfits import Misfit, refuse
from import_assets.spec.scalars import shown
from import_assets.spec.sources import FileFilter

Encoding = Literal[
    "utf-8",
    "utf-16",
    "cp1250",
    "cp1251",
    "cp1252",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "cp1258",
    "latin1",
    "iso-8859-2",
]
"""The encodings of M082 and no others."""

Delimiter = Literal[" ", "\t", ",", ".", ";", ":", "-", "|", "~"]
"""The delimiters of M083 and no others."""

Quote = Literal['"', "'", "none"]
"""What may stand around a cell (M084, M135)."""


class CsvFormat(StrictModel):
    """How the CSV is written; what is left out is found in the file."""

    # M083, D14
    delimiter: Delimiter | None = Field(
        default=None,
        description="The character between cells; found in the file if left out.",
        examples=[";", "\t"],
    )
    # M082, D15
    encoding: Encoding | None = Field(
        default=None,
        description="The encoding of the file. Left out: what a byte-order mark says, else utf-8 "
        "if the file is that, else the one of the allowed that its letters speak for; where "
        "several could be meant, the file is refused with their names.",
        examples=["cp1250"],
    )
    # M084, M135
    quote: Quote = Field(
        default='"',
        description="What may stand around a cell, and is doubled inside it; `none`: nothing, "
        "every character stands for itself.",
    )
    # M081
    header: bool = Field(
        default=True,
        description="`false`: no record names the columns; they are called `column_1`, "
        "`column_2` and so on, as many as the first record has cells.",
    )
    skip_lines: int = Field(
        default=0,
        ge=0,
        le=1_000,
        description="Lines at the beginning of the file that are passed over, such as a title, "
        "whatever they hold: quotes mean nothing there.",
    )
    # M091, D16
    duplicate_headers: Literal["merge", "refuse"] = Field(
        default="merge",
        description="Two columns of one name. `merge`: they are one column, of which the last "
        "cell that is not empty counts; `refuse`: the file is refused.",
    )
    # D17
    pad_short: bool = Field(
        default=False,
        description="`true`: a record with too few cells gets empty ones at its end; `false`: it "
        "is rejected, since a missing delimiter shifts values.",
    )
    # M121, D46
    trim: bool = Field(
        default=False,
        description="`true`: spaces and tabs around a cell are taken off, unless they stand inside "
        'quotes: `1, 2, "3 "` is `1,2,"3 "`. A line of nothing else is a blank one.',
    )
    # M118, D47
    line_breaks: Literal["keep", "reject"] = Field(
        default="keep",
        description="A line break inside quotes. `keep`: it belongs to the value; `reject`: the "
        "record is rejected.",
    )


def _check_row(text: str) -> str:
    names = text.strip("/").split("/")
    if not all(names) or any(name.strip() != name or "@" in name for name in names):
        raise ValueError(
            f"{shown(text)} is no element: write its name, such as item, or its path from the "
            "root, such as rss/channel/item"
        )
    return "/".join(names)


class XmlFormat(StrictModel):
    """How XML becomes rows; what is left out is found in the file (D33)."""

    row: Annotated[str, AfterValidator(_check_row)] | None = Field(
        default=None,
        description="The element that is a row: its name, or its path from the root. Left out: "
        "the element that repeats nearest to the root, of several there the most frequent.",
        examples=["rss/channel/item", "SHOPITEM"],
    )
    prefixes: Literal["when_needed", "keep"] = Field(
        default="when_needed",
        description="The prefix of a name such as `g:price`. `when_needed`: it is left out "
        "unless another element or attribute at the same place has the same name without it; "
        "`keep`: names stay as they are written.",
    )
    json_: list[str] = Field(
        default=[],
        validation_alias="json",
        serialization_alias="json",
        description="Columns whose element becomes JSON as a whole, a list of objects, instead of "
        "one column for each element inside.",
        examples=[["shipping"]],
    )


class Format(StrictModel):
    """How the bytes are written. Files packed by gzip or zip are unpacked (D12)."""

    csv: CsvFormat | None = Field(
        default=None, description="CSV, and how it differs from what is usual."
    )
    xml: XmlFormat | None = Field(
        default=None,
        description="XML, and how it becomes rows. Where neither `csv` nor `xml` stands here, "
        "each file is what its content is.",
    )
    members: FileFilter | None = Field(
        default=None,
        description="Which files of a zip archive are read, written like `files` of a storage; "
        "all of them if left out. They are read one after the other as one delivery, and so have "
        "the same columns.",
        examples=["*.csv"],
    )

    @model_validator(mode="after")
    def _one_format(self) -> Self:
        if self.csv is not None and self.xml is not None:
            refuse([Misfit(("xml",), "beside csv: take one, or neither and let the content tell")])
        return self
