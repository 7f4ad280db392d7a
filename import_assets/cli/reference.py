"""The reference of the command, docs/reference-commands.md, made from the command itself.

`python -m import_assets.cli.reference` writes it, `--check` fails where it is stale.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from import_assets.cli.main import PROJECT_VARIABLE, main

FILE = "reference-commands.md"

_INTRODUCTION = f"""\
# Reference of the command

<!-- Made from the command by `python -m import_assets.cli.reference`: change the help texts in
import_assets/cli/main.py, not this file. -->

`import-assets` works on a project: the current folder, or the nearest above it that holds
`project.yaml` or `imports/`, or the one named by `--project` or by the variable
`{PROJECT_VARIABLE}`. What goes into these files is in
[reference-definitions.md](reference-definitions.md).

```sh
import-assets check                   # are all definitions right?
import-assets preview crm_customers   # what would its newest file give?
import-assets run crm_customers       # import what is waiting
import-assets list                    # how does every import stand?
```

## For all commands

| Option | What it does |
|---|---|
| `--project DIR` | The project's folder. |
| `--json` | Print a JSON list of objects, see below. |
| `-h`, `--help` | Show the options of a command. |

**Exit codes.**

| Code | Meaning |
|---|---|
| 0 | Done. Rejected records alone are no fault, and nor is having nothing to import. |
| 1 | Done with faults: only some deliveries were imported, or `check` found a wrong definition. |
| 2 | Not done: bad usage, an unknown name, nothing could be imported. |
| 130 | Interrupted by Ctrl-C. What was imported before stays; run it again for the rest. |

**What is printed where.** Results go to standard output; notes, warnings, errors, progress and
what is being waited for go to standard error. On a terminal, tables are drawn, and long values are
cut to fit; a table that is too wide is shown record by record. Anywhere else, values stand whole
between tabs, one line a record under a line of headings, with `\\t`, `\\n`, `\\r` and the like of
`\\x1b` for characters that would break it.

**`--json`.** A list of objects and nothing else on standard output, one object a line. Numbers are
exact, dates and times are ISO 8601, what is missing is `null`. Where several tables would be shown
(`preview`, `show TABLE`), the list has one object that holds them.

Times are UTC. While another process writes to the warehouse, commands wait for it and say so.
"""

_COMMON = ("project", "as_json")

_EXAMPLES = {
    "undo": """\
import-assets files crm_customers
import-assets undo 3f9c51d20b7a --dry-run
import-assets undo 3f9c51d20b7a --cascade --yes
""",
    "recover": """\
import-assets recover --dry-run
import-assets recover
import-assets recover crm_customers purchases --json
""",
    "check": """\
import-assets check
import-assets check --json | jq -r '.[] | "\\(.file):\\(.line) \\(.message)"'
""",
    "preview": """\
import-assets preview crm_customers
import-assets preview crm_customers --file ~/Downloads/customers_new.csv --rows 3
import-assets preview ~/Downloads/unknown.csv --encoding cp1250 --delimiter ';'
import-assets preview https://shop.example.com/feed.csv
""",
    "validate": """\
import-assets validate products.csv --as emarsys-products
import-assets validate sales.csv.gz --as emarsys-sales --csv to_mend.csv
import-assets validate contacts.csv --as emarsys-contacts --id customer_number --json
""",
    "draft": """\
import-assets draft ~/Downloads/contacts.csv --kind customers
import-assets draft statement.csv --kind events:payment --id account --timestamp date --day-first
import-assets draft https://shop.example.com/feed.csv --kind catalog:products --product
import-assets draft --connection erp --query 'SELECT * FROM customers' --kind customers --name erp
""",
    "run": """\
import-assets run crm_customers --dry-run
import-assets run crm_customers --key customers_2026-10.csv --key customers_2026-11.csv
import-assets run partner_contacts --file ~/Downloads/contacts.csv
pbpaste | import-assets run newsletter_signups --file - --key monday
""",
    "list": """\
import-assets list
import-assets list --json | jq '.[] | select(.status != "done") | .import'
""",
    "files": """\
import-assets files crm_customers
import-assets files crm_customers --forget customers_2026-10.csv
""",
    "rejects": """\
import-assets rejects purchases > to_mend.csv
import-assets rejects purchases --batch 384bccd2 --json
import-assets rejects purchases --refused purchases_2026-11.csv > to_mend.csv
""",
    "replay": """\
import-assets replay purchases mended.csv --dry-run
import-assets replay purchases mended.csv
import-assets replay purchases
""",
    "agree": """\
import-assets agree crm_customers
""",
    "show": """\
import-assets show
import-assets show events/purchase --rows 3
import-assets show customers --rows 1000 --csv > newest.csv
""",
    "attributes": """\
import-assets attributes
import-assets attributes customers
import-assets attributes events/purchase --json | jq '.[] | select(.filled_percent < 5) | .name'
""",
    "attributes retype": """\
import-assets attributes retype customers birthday date --dry-run
import-assets attributes retype catalogs/products colours list --format '|'
import-assets attributes retype events/purchase total number --format '1 234,50' --null-misfits
""",
    "export": """\
import-assets export customers --out customers.csv
import-assets export events/purchase --where "timestamp >= '2026-11-01'" --columns customer_id,total
import-assets export catalogs/products --for spreadsheet --out products.csv
import-assets export customers --for import --out to_another_project.csv
""",
    "connections list": """\
import-assets connections list
""",
    "connections test": """\
import-assets connections test crm_sftp
import-assets connections test crm_sftp --json | jq '.[] | .problem'
""",
    "connections trust": """\
import-assets connections trust crm_sftp
""",
    "query": """\
import-assets query 'SELECT currency, sum(total) FROM events.purchase GROUP BY ALL'
import-assets query 'FROM import_assets.batches ORDER BY sequence DESC LIMIT 5'
""",
    "delete": """\
import-assets delete summer_vouchers
import-assets delete summer_vouchers --yes
""",
}

_MORE = {
    "connections trust": """\
Nothing is sent to an SFTP server whose host key is not known. Compare the fingerprint with what the
people who run the server tell you by another way, and then let it be written into the connection's
`known_hosts` file. Where another key than the known one is shown, nothing is trusted: remove the
old line from the file first, if the server was given a new key on purpose.
""",
    "run": """\
Of each delivery it tells: records read = inserted + updated + unchanged + duplicate + rejected.
A delivery that the import remembers is not read again; its counts are told with the word `imported
before`. To import it again, forget it first (`files --forget`). Imports whose `select` is not
`not_imported_yet` take their files again each time.

A file given to an upload is copied into `uploads/NAME`. If one of that name lies there with the
same content, nothing is copied; with another content, the new one takes its place as a new version,
but never before the old one was imported or refused.

A dry run does everything but keep it, and so tells the same counts, also of files that are taken
again. Several deliveries are tried
each by itself.

The runs appear in the UI of the Dagster that DAGSTER_HOME names, or else `dagster.yaml` in the
project; without either they are kept in `.dagster`.
""",
    "draft": """\
More about it, with an example, is in [drafting.md](drafting.md). With `--json`, the definition is
written all the same, unless `--out -` is said.
""",
    "validate": """\
| Code | Meaning |
|---|---|
| 0 | The file keeps to the conventions; there may be warnings. |
| 1 | It does not: there are errors. |
| 2 | It cannot be read: it is not there, or is packed in a way that is not unpacked here. |

All rules and their codes are in [emarsys.md](emarsys.md). The file that `--csv` writes has the
columns line, column, code, severity, value, message, advice and file, the last for archives of
several files. A cell that a spreadsheet would take for a formula has an apostrophe put before it.
""",
    "preview": """\
It says how many records were looked at: there may be fewer, and of a large delivery elsewhere only
the first megabytes are fetched. `run --dry-run` tries all of it.
""",
    "undo": """\
What becomes of the rows, and what stands in the way, is in [undo.md](undo.md).
""",
    "list": """\
A terminal has room for the most needed columns only; elsewhere, and with `--json`, there are all.

| Status | Meaning |
|---|---|
| `never ran` | Nothing was imported yet. |
| `done` | The last delivery was imported whole. |
| `partial` | The last delivery was imported, and some of its records are outstanding. |
| `refused` | The last delivery, named here without counts, was refused as a whole. |
| `undone` | The last delivery, named here without counts, was undone. |
| `invalid` | The definition is wrong; `check` says where. |
| `no definition` | The definition is gone, its memory is not yet; `delete` forgets it. |
""",
    "rejects": """\
The file is CSV by RFC 4180: UTF-8, commas, lines that end with CR LF. Each record is a row.
`_line` is the line of the delivery on which it begins, counted from 1, `_record` its number without
header and blank lines. `_message` has all its faults. How to mend the file and hand it back:
[rejects.md](rejects.md).

Values come from whoever wrote the delivery, and a spreadsheet would run some of them as formulas:
those get an apostrophe put before them, see [exporting.md](exporting.md). Line breaks stay.
`--json` leaves all values as they are.
""",
    "show": """\
The CSV is written for a spreadsheet, see [exporting.md](exporting.md).
""",
    "attributes retype": """\
| Code | Meaning |
|---|---|
| 0 | It was changed; or with --dry-run: it can be. |
| 1 | With --dry-run: values do not fit. |
| 2 | Nothing was changed. |

More about it, with an example, is in [attributes.md](attributes.md).
""",
    "export": """\
How values are written, and what `--for` changes, is in [exporting.md](exporting.md).
""",
    "query": """\
What would do more than read is refused: writing files, attaching databases, loading extensions,
changing settings. Files of this machine can be read.

On a terminal, the first 200 rows are shown. Besides the tables there are the warehouse's own books
in the schema `import_assets`, such as `import_assets.batches`, which has every delivery ever
imported.
""",
}


def reference() -> str:
    """Return the whole reference as Markdown."""
    parts = [_INTRODUCTION]
    for name, command in commands(main):
        parts += _command(name, command)
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield every command below a group, by all its words."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        else:
            yield (before + name).rstrip(), command


def _command(name: str, command: click.Command) -> Iterator[str]:
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    options = [one for one in command.params if isinstance(one, click.Option)]
    words = [_written(one) for one in arguments]
    yield f"## `{name}`"
    yield f"```\nimport-assets {' '.join([name, '[OPTIONS]', *words])}\n```"
    yield inspect.cleandoc(command.help or "")
    own = [_option(one) for one in options if one.name not in _COMMON]
    if own:
        yield "\n".join(["| Option | What it does |", "|---|---|", *own])
    if name in _MORE:
        yield _MORE[name]
    yield f"```sh\n{_EXAMPLES[name]}```"


def _written(argument: click.Argument) -> str:
    word = argument.metavar or (argument.name or "").upper()
    return word if argument.required else f"[{word}]"


def _option(option: click.Option) -> str:
    names = "/".join([*option.opts, *option.secondary_opts])
    words = " ".join([names, *([option.metavar] if option.metavar else [])])
    default = f" {option.default} if left out." if option.show_default else ""
    again = " Can be said several times." if option.multiple else ""
    meaning = f"{option.help}{default}{again}"
    return f"| `{words}` | {meaning.replace('|', chr(92) + '|')} |"


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; fail where the file is stale.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(__file__).parents[2] / "docs",
    show_default="docs",
    help="Folder of the documentation.",
)
def write(check: bool, folder: Path) -> None:
    """Write the reference of the command."""
    path = folder / FILE
    if not check:
        path.write_text(reference(), encoding="utf-8", newline="\n")
        click.echo(f"written: {path}")
    elif not path.is_file() or path.read_bytes() != reference().encode():
        click.echo(f"stale: {path}; run python -m import_assets.cli.reference", err=True)
        raise SystemExit(1)


if __name__ == "__main__":
    write()
