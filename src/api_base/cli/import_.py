"""`api-base import`: import a file through the application, with its rules, audit and permissions."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from api_base.application.common.importing.report import Report


def import_(
    kind: Annotated[str, typer.Argument(help="What the file contains: items, members, or another kind that a context declares.")],
    file: Annotated[str, typer.Argument(help="CSV, JSON or JSON Lines file; - for standard input.")],
    tenant: Annotated[str, typer.Option(help="Slug or id of the tenant.")],
    email: Annotated[str, typer.Option("--as", help="E-mail address of the user who imports.")],
    maps: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="target=Column, target=Column[0] (first of comma-separated values), target=Column[] (all of them) "
            "or target={Column}-{row} (composed; row is the number of the row).",
        ),
    ] = None,
    constants: Annotated[list[str] | None, typer.Option("--set", help="target=value for every row.")] = None,
    format: Annotated[str | None, typer.Option(help="csv, json or jsonl. Default: from the name of the file.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="comma, semicolon, tab, pipe or a character. Default: detected.")] = None,
    quote: Annotated[str | None, typer.Option(help="double, single or none. Default: detected.")] = None,
    encoding: Annotated[str | None, typer.Option(help="utf-8, utf-16 or windows-1252. Default: detected.")] = None,
    decimal: Annotated[str | None, typer.Option(help="point or comma, in prices. Default: detected.")] = None,
    header: Annotated[
        bool, typer.Option("--header/--no-header", help="Whether the first line names the columns. If not, they are called 1, 2, 3 ...")
    ] = True,
    items: Annotated[
        str | None, typer.Option(help="Member of a JSON object that holds the array: data, or result.rows. Default: detected.")
    ] = None,
    refused: Annotated[Path | None, typer.Option(help="File for refused rows. Default: NAME.refused.csv or .jsonl in this folder.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row without changing anything.")] = False,
    resume: Annotated[bool, typer.Option(help="Continue an interrupted import of the same file.")] = True,
) -> None:
    """Import a file: create what is new and update what differs. Refused rows are written to a file, with the reason.

    A row is the whole object: a field without a column becomes empty. The exit code is 0 even if rows were refused.

    The progress is stored in the database. After an interruption, the same command on the same file continues it.

    Targets of items: sku, name, description, category, tags, prices, or price and currency, attributes.NAME. A sku identifies an item.

    Targets of members: email, role (owner, admin, member or viewer). An address identifies a user, who must exist.
    """
    from api_base.application.common.importing.dialect import Dialect
    from api_base.cli.running import run
    from api_base.operations.file_import import ImportOptions, import_file

    options = ImportOptions(
        kind=kind,
        file=file,
        tenant=tenant,
        email=email,
        maps=maps or [],
        constants=constants or [],
        format=format,
        dialect=Dialect.parse(
            {"encoding": encoding, "delimiter": delimiter, "quote": quote, "decimal": decimal, "items": items}, header=header
        ),
        refused=refused,
        dry_run=dry_run,
        resume=resume,
    )
    with _Progress() as progress:
        imported = run(lambda settings, contexts: import_file(settings, contexts, options, progress.show))
    report = imported.report
    what = "would be imported" if dry_run else "imported"
    print(f"{report.created} {what}, {report.updated} updated, {report.unchanged} unchanged, {report.refused} refused")
    print(f"read as: {imported.read_as}")
    if report.refused:
        print(f"Refused rows with their reasons: {options.refused_path}")
    if imported.earlier_refused is not None:
        print(f"Refused rows of an earlier import: {imported.earlier_refused}")


class _Progress:
    """Shows a progress bar on a terminal; elsewhere prints a line every few seconds."""

    def __init__(self, interval: float = 5.0) -> None:
        self._interval, self._printed = interval, time.monotonic()
        self._first: int | None = None
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> "_Progress":
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.fields[rows]} rows, {task.fields[rate]:.0f}/s"), BarColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True))
            self._bar.start()
            self._task = self._bar.add_task("import", total=None, rows=0, rate=0)
        self._began = time.monotonic()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, read: int, size: int, report: "Report") -> None:
        """Show the progress. A resumed import does not count the rows of the interrupted one in its rate."""
        self._first = report.rows if self._first is None else self._first
        rate = (report.rows - self._first) / max(time.monotonic() - self._began, 0.001)
        if self._bar is not None:
            self._bar.update(self._task, completed=read, total=size or None, rows=report.rows, rate=rate)
        elif time.monotonic() - self._printed > self._interval:
            self._printed = time.monotonic()
            print(f"{report.rows} rows, {rate:.0f}/s{f', {read / size:.0%}' if size else ''}", file=sys.stderr)
