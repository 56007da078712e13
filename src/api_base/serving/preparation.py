"""The short-lived process that migrates and seeds. It alone uses the role that owns the tables."""

import sys


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
    except Exception as error:
        from api_base.infrastructure.db.errors import sentence_of

        if (sentence := sentence_of(error)) is None:
            raise
        print(f"api-base: {sentence}", file=sys.stderr)
        raise SystemExit(2) from None
