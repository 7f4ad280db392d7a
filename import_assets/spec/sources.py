"""Where an import comes from, as the user writes it (M001, M006-M013)."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from import_assets.spec.base import LocalPath, StrictModel
from import_assets.spec.connections import address_faults
from import_assets.spec.misfits import Misfit, refuse
from import_assets.spec.patterns import FilePattern
from import_assets.spec.scalars import shown

Selection = Literal["all", "last_modified", "last_alphabetically", "not_imported_yet"]
"""Which of several matching files are taken (M027-M030)."""

_ANALYSIS_NAME = "[a-z][a-z0-9_]{0,99}"


def _check_file_filter(text: str) -> str:
    FilePattern(text)
    return text


def _check_paste(text: str) -> str:
    if not text.strip():
        raise ValueError("the text is empty: leave `text` out to be asked for it at each start")
    return text


def _check_analysis_name(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(_ANALYSIS_NAME, value):
        raise ValueError(
            f"{shown(value)} cannot name an analysis: take its file in analyses/ without the "
            "ending, in lower-case letters, digits and _, beginning with a letter"
        )
    return value


FileFilter = Annotated[str, AfterValidator(_check_file_filter)]


class StorageSource(StrictModel):
    """Files lying in a folder."""

    connection: str | None = Field(
        default=None,
        description="The connection to the storage, one of `project.yaml`; left out, the folder is "
        "on this machine.",
        examples=["crm_sftp"],
    )
    folder: LocalPath = Field(
        description="The folder; on this machine relative to the project, or absolute; by SFTP as "
        "the server knows it; in a bucket what keys begin with, `/` for all of it.",
        examples=["exports"],
    )
    # M020, D07, D08
    files: FileFilter = Field(
        description="Which files of the folder: an exact name; a name with `*` and `?` for any "
        "characters; or a /regular expression/ between slashes, which has to match the whole "
        "name. With a `/` inside, it is matched against the path below the folder instead, and "
        "so reaches into sub-folders.",
        examples=["customers.csv", "customers_*.csv", r"/customers_[0-9]+\.csv/"],
    )
    # M027-M030, D04, D05
    select: Selection = Field(
        default="not_imported_yet",
        description="Which of several matching files are taken. `not_imported_yet`: those this "
        "import has not taken so far; `all`: every one, again at each start; `last_modified`: the "
        "newest one, and of equally new ones the last by path; `last_alphabetically`: the last "
        "one by path, capitals sorting before small letters. With `on_new_file`, only files not "
        "imported yet are chosen from.",
    )
    # D01
    by: Literal["version", "name"] = Field(
        default="version",
        description="What makes a file a new one. `version`: another name or another content; "
        "`name`: another name, so that a changed file is not taken again, as it is for sales "
        "under the conventions of Emarsys unless this says otherwise.",
    )
    settle: int = Field(
        default=60,
        ge=0,
        le=86_400,
        description="Seconds for which a file must have lain unchanged, so that none is taken "
        "while it is still being written.",
    )

    @property
    def pattern(self) -> FilePattern:
        """The file filter, compiled."""
        return FilePattern(self.files)


class PasteSource(StrictModel):
    """Text given in the launchpad, or here (M006)."""

    text: Annotated[str, AfterValidator(_check_paste)] | None = Field(
        default=None,
        description="The text itself, header included, at most 500,000 bytes; left out, you are "
        "asked for it at each start.",
        examples=["id;first_name\n1;Anna\n"],
    )


class UploadSource(StrictModel):
    """Files put into the import's drop folder, uploads/<name>, or named on the command line."""

    settle: int = Field(
        default=5,
        ge=0,
        le=86_400,
        description="Seconds for which a file must have lain unchanged in the drop folder.",
    )


class UrlSource(StrictModel):
    """A file that a server hands out by HTTPS (M009, M088)."""

    connection: str | None = Field(
        default=None,
        description="The connection to the server, one of `project.yaml`.",
        examples=["shop_feed"],
    )
    path: str | None = Field(
        default=None,
        description="What is added to the address of the connection.",
        examples=["/feed.csv"],
    )
    address: str | None = Field(
        default=None,
        description="Instead of a connection: the whole address of a file that anybody may read.",
        examples=["https://shop.example.com/feed.csv"],
    )

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if self.connection is None and self.address is None:
            refuse([Misfit((), "say where it is: `connection`, or the whole `address`")])
        if self.connection is not None and self.address is not None:
            refuse([Misfit(("address",), "beside connection: take `path` instead")])
        if self.path is not None and self.connection is None:
            refuse([Misfit(("path",), "needs connection beside it")])
        if self.path is not None and (self.path != self.path.strip() or "#" in self.path):
            refuse([Misfit(("path",), "write what follows the connection's address, encoded")])
        if self.address is not None:
            refuse(Misfit(("address",), fault) for fault in address_faults(self.address))
        return self


_Bound = str | int | float


def _check_bound(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


class DatabaseSource(StrictModel):
    """The rows of a query (M008, D43)."""

    connection: str = Field(
        description="The connection to the database, one of `project.yaml`.", examples=["erp"]
    )
    query: Annotated[str, Field(min_length=1)] = Field(
        description="One SELECT; its columns are the columns of the import.",
        examples=["SELECT id, email, updated_at FROM customers"],
    )
    cursor: str | None = Field(
        default=None,
        description="A column of the query that only grows, a time or a number. Each start then "
        "reads the rows from the highest value on that came in before; those that came in with it "
        "are not taken twice. Left out, each start reads all rows.",
        examples=["updated_at"],
    )
    lag: int = Field(
        default=0,
        ge=0,
        description="How far each start reaches back behind the highest value, in seconds for a "
        "time, else in units of the number: rows that were committed late are found so.",
        examples=[600],
    )
    start: Annotated[_Bound, BeforeValidator(_check_bound)] | None = Field(
        default=None,
        description="The lowest value of `cursor` that the first start reads.",
        examples=["2026-01-01"],
    )

    @model_validator(mode="after")
    def _cursor_words(self) -> Self:
        if self.cursor is None:
            refuse(
                Misfit((name,), "needs `cursor` beside it")
                for name in ("lag", "start")
                if getattr(self, name)
            )
        return self


class AnalysisSource(StrictModel):
    """The rows of an analysis: `analyses/<name>.sql` or `.py` (M013, D44)."""

    name: Annotated[
        str, Field(pattern=f"^{_ANALYSIS_NAME}$"), BeforeValidator(_check_analysis_name)
    ] = Field(
        description="The analysis: its file in the folder `analyses`, without the ending.",
        examples=["top_buyers"],
    )
    project: LocalPath | None = Field(
        default=None,
        description="The folder of another project whose analysis it is, relative to this "
        "project, or absolute.",
        examples=["../web_shop"],
    )


def _analysis_from_word(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


StorageLike = StorageSource | PasteSource | UploadSource
"""Sources whose deliveries are files that lie somewhere under a name."""

Feed = UrlSource | DatabaseSource | AnalysisSource
"""Sources that hand over what there is at the moment they are asked."""


class Source(StrictModel):
    """Where the data comes from: exactly one of the keys."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    storage: StorageSource | None = Field(default=None, description="Files lying in a folder.")
    paste: PasteSource | None = Field(
        default=None, description="Text given at the start of each run, or written here."
    )
    upload: UploadSource | None = Field(
        default=None,
        description="Files put into the drop folder `uploads/<name of the import>`, or named on "
        "the command line.",
    )
    url: UrlSource | None = Field(default=None, description="A file handed out by HTTPS.")
    database: DatabaseSource | None = Field(default=None, description="The rows of a query.")
    analysis: (
        Annotated[
            AnalysisSource,
            BeforeValidator(_analysis_from_word, json_schema_input_type=str | AnalysisSource),
        ]
        | None
    ) = Field(
        default=None,
        description="The rows of an analysis of this project, named alone, or of another one.",
        examples=["top_buyers"],
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = self._given
        if not given:
            words = ", ".join(list(type(self).model_fields)[:-1])
            refuse([Misfit((), f"say where it comes from: {words} or analysis")])
        refuse(
            Misfit((name,), f"beside {given[0]}: give one source only, or write a second import")
            for name in given[1:]
        )
        return self

    @property
    def _given(self) -> list[str]:
        return [name for name in type(self).model_fields if getattr(self, name) is not None]

    @property
    def word(self) -> str:
        """The key that was given."""
        return self._given[0]

    @property
    def only(self) -> StorageLike | Feed:
        """The source that was given."""
        return getattr(self, self.word)

    @property
    def feed(self) -> Feed | None:
        """The source that was given, if it is asked by the clock and has no files of its own."""
        return self.url or self.database or self.analysis

    @property
    def connection(self) -> str | None:
        """The connection that the source uses, if it uses one."""
        return getattr(self.only, "connection", None)
