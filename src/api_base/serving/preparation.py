"""The short-lived process that migrates and seeds. It alone uses the role that owns the tables."""

import sys

from api_base.core.errors import ApiBaseError


def main(*, seed: bool) -> None:
    """Prepare the database, and print the login of a first run."""
    from api_base.bootstrap.configuration import load
    from api_base.infrastructure.db.sources import configured
    from api_base.serving.first_run import prepare

    settings, contexts = load()
    announcement = prepare(settings, configured(settings), contexts, seed=seed)
    if announcement:
        print(announcement, flush=True)


if __name__ == "__main__":
    try:
        main(seed="--seed" in sys.argv[1:])
    except ApiBaseError as error:
        print(f"api-base: {error}", file=sys.stderr)
        raise SystemExit(2) from None
