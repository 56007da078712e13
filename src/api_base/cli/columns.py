"""Prints lists: in columns for people, as JSON for programs."""

from collections.abc import Sequence


def print_columns(rows: Sequence[Sequence[str]]) -> None:
    """Print one line for each row, its parts below each other. A part that is empty is shown as -."""
    shown = [[part or "-" for part in row] for row in rows]
    widths = [max(len(row[i]) for row in shown) for i in range(len(shown[0]))] if shown else []
    for row in shown:
        print("  ".join(part.ljust(width) for part, width in zip(row, widths, strict=True)).rstrip())


def print_json(found: object) -> None:
    """Print dataclasses as JSON, indented."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(found)).decode())
