"""The words of the `import-assets` command.

Only words stand here: what a command does is in the module that it calls. These are loaded when
they are needed, since polars, DuckDB and Dagster take seconds to load.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from import_assets.cli.exits import DONE, INTERRUPTED, NOT_DONE
from import_assets.cli.output import Output, harmless
from import_assets.errors import ImportAssetsError

if TYPE_CHECKING:
    from import_assets.cli.session import Session

PROJECT_VARIABLE = "IMPORT_ASSETS_PROJECT"

_FOLDER = click.Path(path_type=Path)
_READABLE = click.Path(path_type=Path, allow_dash=True)


class _Commands(click.Group):
    """A group whose commands return exit codes, and whose errors are sentences."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            code = super().invoke(ctx)
        except ImportAssetsError as error:
            lines = [harmless(line) for line in str(error).splitlines()]
            click.echo("Error: " + "\n".join(lines), err=True)
            ctx.exit(NOT_DONE)
        except KeyboardInterrupt:
            click.echo("Interrupted. What was imported stays: run it again for the rest.", err=True)
            ctx.exit(INTERRUPTED)
        ctx.exit(code or DONE)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="import-assets", message="%(package)s %(version)s")
@click.option(
    "--project",
    type=_FOLDER,
    envvar=PROJECT_VARIABLE,
    metavar="DIR",
    help="The project's folder; otherwise the current one, or the nearest above it that holds "
    f"project.yaml or imports/. Also by the variable {PROJECT_VARIABLE}.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print a JSON list of objects instead of tables."
)
@click.pass_context
def main(ctx: click.Context, project: Path | None, as_json: bool) -> None:
    """Import customers, events, catalogs and vouchers into tables of your own.

    Each import is defined in a file of its own, imports/NAME.yaml.
    """
    ctx.obj = {"project": project, "as_json": as_json}


def _with_session(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options that every command has, and call it with the session that they make."""

    @click.option("--project", type=_FOLDER, metavar="DIR", help="The project's folder.")
    @click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
    @click.pass_obj
    @functools.wraps(command)
    def wrapped(
        shared: dict[str, Any], /, *, project: Path | None, as_json: bool, **given: Any
    ) -> int:
        from import_assets.cli.session import Session

        output = Output(as_json=as_json or shared["as_json"])
        return command(Session(project or shared["project"], output), **given)

    return wrapped


def _with_format(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options that say how a CSV is written; they come as `said`, by key of `csv`."""

    @click.option(
        "--delimiter", metavar="C", help="The character between cells; `tab`, `space` too."
    )
    @click.option("--encoding", metavar="NAME", help="The encoding, one of those of `encoding:`.")
    @click.option("--quote", metavar="Q", help="What quotes cells: `\"`, `'` or `none`.")
    @click.option(
        "--header/--no-header", default=None, help="Whether the first record names the columns."
    )
    @click.option(
        "--skip-lines",
        type=click.IntRange(min=0),
        metavar="N",
        help="Lines that stand before the table.",
    )
    @functools.wraps(command)
    def wrapped(
        session: Session,
        /,
        *,
        delimiter: str | None,
        encoding: str | None,
        quote: str | None,
        header: bool | None,
        skip_lines: int | None,
        **given: Any,
    ) -> int:
        from import_assets.cli.looking import said_format

        said = said_format(delimiter, encoding, quote, header, skip_lines)
        return command(session, said=said, **given)

    return wrapped


def _refuse_both(session: Session, *, as_csv: bool) -> None:
    if as_csv and session.output.as_json:
        raise click.UsageError("--json is not CSV: leave out either --json or what is about CSV")


@main.command()
@_with_session
def check(session: Session) -> int:
    """Check all definitions.

    Prints every problem with its file, line and column. Beside what the files say, it looks at the
    folders (more files waiting than a start may take) and at the warehouse (an attribute that its
    table has with another type, settings that its catalog was first imported without). A folder
    that is missing is a warning only.
    """
    from import_assets.cli import checking

    return checking.check(session)


@main.command()
@click.argument("what", metavar="IMPORT|FILE|URL")
@click.option(
    "--file",
    type=_READABLE,
    metavar="F",
    help="Look at this file, by its path or its name in the folder of the import; `-` is standard "
    "input.",
)
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="N",
    help="How many rows to show.",
)
@_with_session
@_with_format
def preview(
    session: Session,
    *,
    what: str,
    file: Path | None,
    rows: int,
    said: dict[str, Any],
) -> int:
    """Show the first records of a delivery.

    Of an IMPORT, its newest delivery as it would be imported: how it is written, what becomes of
    each column, typed rows, and what would be rejected among the first 1,000 records (or as many
    as --rows says), and why. Of a FILE or a URL, how it is written and what speaks for that, what
    its columns could be, and its raw text. Nothing is imported.
    """
    from import_assets.cli import previewing

    return previewing.preview(session, what, file, rows, said=said)


@main.command()
@click.argument("file", metavar="FILE", type=_READABLE)
@click.option(
    "--as",
    "profile",
    required=True,
    type=click.Choice(["emarsys-products", "emarsys-sales", "emarsys-contacts"]),
    help="What the file is to be.",
)
@click.option(
    "--csv",
    "out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT",
    help="Write all findings to this file as CSV.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="N",
    help="How many findings of each code are shown.",
)
@click.option("--id", "identifier", metavar="COLUMN", help="The column that says who a contact is.")
@click.option("--delimiter", metavar="C", help="The character between cells; `tab`, `space` too.")
@_with_session
def validate(
    session: Session,
    *,
    file: Path,
    profile: str,
    out: Path | None,
    limit: int,
    identifier: str | None,
    delimiter: str | None,
) -> int:
    """Hold a file against the CSV conventions of Emarsys.

    Prints each way in which it breaks them with its code, line, column, value and what to do, and
    how many there are of each code. No project is needed, and nothing is imported. A FILE packed
    by gzip or zip is unpacked; `-` is standard input.
    """
    from import_assets.cli import validating

    if identifier is not None and profile != "emarsys-contacts":
        raise click.UsageError("--id goes with emarsys-contacts")
    return validating.validate(
        session, file, profile, out=out, limit=limit, identifier=identifier, delimiter=delimiter
    )


@main.command()
@click.argument("what", metavar="FILE|URL", required=False)
@click.option(
    "--kind",
    required=True,
    metavar="KIND",
    help="What it brings: customers, events:TYPE, catalog:NAME or vouchers:POOL.",
)
@click.option("--product", is_flag=True, help="The catalog is one of products.")
@click.option("--name", metavar="NAME", help="The import's name; made of the file's if left out.")
@click.option(
    "--out",
    type=_READABLE,
    metavar="FILE",
    help="Write to this file instead of imports/NAME.yaml; `-` is standard output.",
)
@click.option("--yes", is_flag=True, help="Do not ask; what is not clear stays text.")
@click.option("--connection", metavar="NAME", help="Instead of a file: what is behind this.")
@click.option("--query", metavar="SQL", help="With the connection to a database: one SELECT.")
@click.option("--path", metavar="P", help="With the connection to a server: added to its address.")
@click.option("--folder", metavar="F", help="With the connection to a storage: the folder ...")
@click.option("--files", metavar="PATTERN", help="... and which of its files.")
@click.option(
    "--day-first", "order", flag_value="day-first", help="02/04/2017 is the 2nd of April."
)
@click.option(
    "--month-first", "order", flag_value="month-first", help="02/04/2017 is the 4th of February."
)
@click.option(
    "--decimal",
    type=click.Choice(["comma", "point"]),
    help="The mark of decimals where the values do not tell, as in 1,234.",
)
@click.option(
    "--id",
    "ids",
    multiple=True,
    metavar="COLUMN",
    help="The column that identifies a row; IDENTIFIER=COLUMN for one of several.",
)
@click.option("--timestamp", metavar="COLUMN", help="The column with the time of the events.")
@_with_session
@_with_format
def draft(session: Session, said: dict[str, Any], **options: Any) -> int:
    """Write a definition for a FILE, a URL, or what is behind a connection.

    Looks at the first 10,000 records: how they are written, which columns say who a row is about,
    what types they have. What it writes says why, and imports the file as it stands. What nobody
    but you can know is asked on a terminal; elsewhere options answer it, and what is still open
    stays text, marked with ASK. Types are never guessed.
    """
    from import_assets.cli import drafting

    return drafting.draft(session, drafting.Options(csv=said, **options))


@main.command()
@click.argument("name", metavar="IMPORT")
@click.option(
    "--file",
    "files",
    type=_READABLE,
    multiple=True,
    metavar="F",
    help="Import this file. For an upload it is copied into the drop folder; for a paste its "
    "content is the text (`-` is standard input); for a storage it has to lie in the folder.",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="K",
    help="Import this delivery, a file by its name in the folder; for a paste, what the text is "
    "called.",
)
@click.option("--dry-run", is_flag=True, help="Tell what would be imported; write nothing.")
@_with_session
def run(
    session: Session, name: str, files: tuple[Path, ...], keys: tuple[str, ...], dry_run: bool
) -> int:
    """Run an import now, through Dagster, so that the UI shows it.

    Without --file and --key it takes what its definition says: of a folder the files that `select`
    chooses, of a drop folder all that were not imported yet, of a paste the text of the definition.
    """
    from import_assets.cli import running

    return running.run(session, name, files, keys, dry_run=dry_run)


@main.command("list")
@_with_session
def list_imports(session: Session) -> int:
    """List all imports with their last delivery and what is waiting."""
    from import_assets.cli import listing

    return listing.list_imports(session)


@main.command()
@click.argument("name", metavar="IMPORT")
@click.option(
    "--forget",
    metavar="KEY",
    help="Forget this delivery, so that it counts as new; its rows stay in the table.",
)
@_with_session
def files(session: Session, name: str, forget: str | None) -> int:
    """Show what an import remembers, and what lies in its folder.

    Each line is a delivery: imported, forgotten, new, settling (still too young to be taken) or
    refused, with the reason.
    """
    from import_assets.cli import remembering

    if forget is not None:
        return remembering.forget(session, name, forget)
    return remembering.files(session, name)


@main.command()
@click.argument("name", metavar="IMPORT")
@click.option("--batch", metavar="ID", help="Of this batch only, by its id or how it begins.")
@click.option(
    "--refused",
    metavar="KEY",
    help="Of this delivery, which was refused because too many of its records were rejected.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write to this file instead of standard output.",
)
@_with_session
def rejects(
    session: Session, name: str, batch: str | None, refused: str | None, out: Path | None
) -> int:
    """Write the rejected records as CSV, to be mended and handed back to `replay`.

    Each record is a row with the columns of its delivery and the cells as they stood. Before them
    stand _batch, _file and _record, behind them _line, _column, _reason, _message, and _raw where a
    record could not be cut into cells. A cell that a spreadsheet would take for a formula has an
    apostrophe put before it, which `replay` takes off. Records that were replayed are left out.
    """
    from import_assets.cli import rejecting

    if batch is not None and refused is not None:
        raise click.UsageError("say --batch or --refused, not both")
    return rejecting.rejects(session, name, batch, refused, out)


@main.command()
@click.argument("name", metavar="IMPORT")
@click.argument("file", metavar="FILE", type=_FOLDER, required=False)
@click.option("--batch", metavar="ID", help="Of this batch only, by its id or how it begins.")
@click.option("--dry-run", is_flag=True, help="Tell what would become of them; write nothing.")
@_with_session
def replay(session: Session, name: str, file: Path | None, batch: str | None, dry_run: bool) -> int:
    """Take rejected records again, through Dagster, so that the UI shows it.

    With FILE those in it, which is what `rejects` wrote, mended and saved as CSV in UTF-8. Without,
    all that are outstanding, as they were: after the definition was mended. Each record keeps its
    file and number; what is rejected again can be replayed again.
    """
    from import_assets.cli import replaying

    if batch is not None and file is not None:
        raise click.UsageError("--batch goes without FILE, which says the batch of each record")
    return replaying.replay(session, name, file, batch, only_try=dry_run)


@main.command()
@click.argument("table", required=False)
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="N",
    help="How many rows to show.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print the rows, or the tables, as CSV.")
@_with_session
def show(session: Session, table: str | None, rows: int, as_csv: bool) -> int:
    """Show a table: its columns, its size and its newest rows. Without a name, list the tables.

    TABLE is customers, events/TYPE, catalogs/NAME or vouchers/POOL.
    """
    from import_assets.cli import showing

    _refuse_both(session, as_csv=as_csv)
    if table:
        return showing.show(session, table, rows, as_csv=as_csv)
    return showing.show_all(session, as_csv=as_csv)


class _OfTable(click.Group):
    """A group whose words are commands or else those of a command that is not said."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in self.commands:
            args = [_UNSAID, *args]
        return super().parse_args(ctx, args)


class _Unsaid(click.Command):
    """The command of `_OfTable` that is not said: `attributes customers`."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        words = " ".join(self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path.rstrip(), words)


_UNSAID = ""


@main.group(cls=_OfTable)
def attributes() -> None:
    """Show the attributes of a table, or give one another type."""


@attributes.command(_UNSAID, cls=_Unsaid)
@click.argument("table", required=False)
@_with_session
def show_attributes(session: Session, table: str | None) -> int:
    """Show the attributes of a table. Without a name, list the tables.

    TABLE is customers, events/TYPE or catalogs/NAME. Of each attribute: its type, the import and
    the file that first brought it and when, how many of the rows have a value, and one of the
    values. Identifiers stand among them, marked as such. To give an attribute another type, see
    `attributes retype`.
    """
    from import_assets.cli import attributing

    return attributing.describe(session, table) if table else attributing.list_tables(session)


@attributes.command()
@click.argument("table")
@click.argument("name")
@click.argument("type_", metavar="TYPE")
@click.option("--format", metavar="F", help="How the values are written, as `format:` of a column.")
@click.option(
    "--timezone",
    metavar="ZONE",
    help="The zone of times without an offset; that of the table's imports if left out.",
)
@click.option("--null-misfits", is_flag=True, help="Let values that do not fit become empty.")
@click.option("--dry-run", is_flag=True, help="Tell what would become of the values, no more.")
@click.option("--yes", "confirmed", is_flag=True, help="Do not ask.")
@_with_session
def retype(session: Session, *, table: str, type_: str, **options: Any) -> int:
    """Give an attribute another type, with all its values.

    Each stored value is read anew, as an import of that type and format would read it. First
    tells how many fit, which do not and why, and which definitions have to be changed. Nothing is
    changed unless all fit, or --null-misfits is said, and you say yes. Then all is changed at
    once.
    """
    from import_assets.cli import retyping

    return retyping.run(session, retyping.Options(table=table, type=type_, **options))


@main.command()
@click.argument("table")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write to this file instead of standard output; one of that name is replaced.",
)
@click.option(
    "--columns",
    metavar="A,B",
    help="These columns only, in this order; a name with a comma in it stands in double quotes.",
)
@click.option(
    "--where",
    metavar="SQL",
    help="The rows for which this condition holds, in SQL over the columns of the table.",
)
@click.option("--lineage", is_flag=True, help="Add the columns that say where a row came from.")
@click.option(
    "--for",
    "reader",
    type=click.Choice(["programs", "spreadsheet", "import"]),
    default="programs",
    show_default=True,
    metavar="WHO",
    help="Who reads it: `programs`, a `spreadsheet`, or an `import`.",
)
@click.option(
    "--line-breaks",
    type=click.Choice(["keep", "space"]),
    metavar="HOW",
    help="Of line breaks inside a value: `keep` them, in quotes, or put a `space` for each, and "
    "say of how many cells. Kept for an import if left out, else spaces.",
)
@click.option(
    "--bom",
    "byte_order_mark",
    is_flag=True,
    help="Begin the file with a byte order mark, as `--for spreadsheet` does.",
)
@_with_session
def export(session: Session, *, table: str, out: Path | None, **wanted: Any) -> int:
    """Write a table as CSV.

    TABLE is customers, events/TYPE, catalogs/NAME or vouchers/POOL. The rows come by their key,
    events in the order in which they were imported. Written for programs unless `--for` says
    otherwise; --json gives a JSON list of the rows.
    """
    from import_assets.cli import exporting

    chosen = exporting.Wanted(**wanted)
    for_people = chosen.reader == "spreadsheet" or chosen.byte_order_mark
    _refuse_both(session, as_csv=for_people or chosen.line_breaks is not None)
    return exporting.export(session, table, out, chosen)


@main.group()
def connections() -> None:
    """Look at the connections that project.yaml declares."""


@connections.command("list")
@_with_session
def list_connections(session: Session) -> int:
    """List all connections, the environment variables that they need, and who uses them."""
    from import_assets.cli import connecting

    return connecting.list_connections(session)


@connections.command("test")
@click.argument("name", metavar="CONNECTION")
@_with_session
def test_connection(session: Session, name: str) -> int:
    """Try a connection out, for each import that uses it.

    Of a storage, lists the files that the import would take, without reading them. Of a URL or a
    database, asks for the beginning. A connection that no import uses so far is asked for what
    it begins with; but for a server of feeds, which is asked for a path.
    """
    from import_assets.cli import connecting

    return connecting.try_out(session, name)


@connections.command()
@click.argument("name", metavar="CONNECTION")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_with_session
def trust(session: Session, name: str, yes: bool) -> int:
    """Show the host key of an SFTP server, and trust it from now on."""
    from import_assets.cli import connecting

    return connecting.trust(session, name, confirmed=yes)


@main.command()
@click.argument("sql")
@_with_session
def query(session: Session, sql: str) -> int:
    """Ask the tables with SQL of DuckDB; reads only.

    Tables are called customers, events.TYPE, catalogs.NAME and vouchers.POOL. Times are UTC. With
    `-`, the SQL is read from standard input.
    """
    from import_assets.cli import querying

    return querying.query(session, sql)


@main.command()
@click.argument("name", metavar="IMPORT")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_with_session
def agree(session: Session, name: str, yes: bool) -> int:
    """Agree to changed columns.

    An import remembers the columns of its first delivery. Shows how those of a later one differ,
    and agrees to them; files that were refused for it can be imported then.
    """
    from import_assets.cli import agreeing

    return agreeing.agree(session, name, confirmed=yes)


@main.command()
@click.argument("batch")
@click.option("--cascade", is_flag=True, help="Undo the batches that built on it, too.")
@click.option("--dry-run", is_flag=True, help="Show what it would do, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_with_session
def undo(session: Session, batch: str, cascade: bool, dry_run: bool, yes: bool) -> int:
    """Take a whole delivery back out of its table.

    Events and vouchers that it brought go, catalog items and attributes of customers become what
    they were, in one transaction. Later records that were duplicates of it get in. If later batches
    built on it, they are listed and nothing is done, unless --cascade. BATCH is an id as `files`
    shows it, or the beginning of one.
    """
    from import_assets.cli import undoing

    return undoing.undo_batch(session, batch, cascade=cascade, dry_run=dry_run, confirmed=yes)


@main.command()
@click.argument("names", metavar="IMPORT...", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Tell what is lacking and what would be done.")
@_with_session
def recover(session: Session, names: tuple[str, ...], dry_run: bool) -> int:
    """Catch up after the warehouse was put back from a copy, or Dagster's storage was lost.

    What Dagster remembers as imported and the warehouse lacks is imported again, in the order in
    which it came, and shown as imported only then. What is not at its source any more is told. What
    the warehouse holds and Dagster does not know is shown there, without reading it again. All
    imports, or those named. Before you start Dagster again is the best time for it.
    """
    from import_assets.cli import recovering

    return recovering.recover(session, names, dry_run=dry_run)


@main.command()
@click.argument("name", metavar="IMPORT")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_with_session
def delete(session: Session, name: str, yes: bool) -> int:
    """Delete an import: its definition, and with it its memory.

    The rows that it brought stay in their table. An import of the same name later on takes all
    files as new. Works for wrong definitions, and for what is left of one whose file is gone.
    """
    from import_assets.cli import deleting

    return deleting.delete(session, name, confirmed=yes)


if __name__ == "__main__":
    main()
