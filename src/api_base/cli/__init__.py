"""The command line: `api-base`. Commands import what they need when they run, so that `--help` and the supervisor stay light."""

import sys


def main() -> None:
    """Run the command of `sys.argv`. What the base raises on purpose is one sentence on standard error and exit code 2."""
    from api_base.cli.app import build
    from api_base.core.errors import ApiBaseError

    try:
        build()()
    except ApiBaseError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
