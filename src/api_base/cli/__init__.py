"""The command line. Each command is a module; what it needs is imported when it runs."""

import sys

from api_base.core.errors import ApiBaseError


def main() -> None:
    """`api-base`. What goes wrong on purpose is one clear sentence and exit code 2, never a traceback."""
    from api_base.cli.commands import app

    try:
        app()
    except ApiBaseError as error:
        print(f"api-base: {error}", file=sys.stderr)
        raise SystemExit(2) from None
