"""The short-lived process that migrates and seeds. It alone uses the role that owns the tables."""

import sys

from api_base.core.shared.output import survive_lost_output
from api_base.serving.server_process import exit_with
from api_base.serving.signals import exit_at_signals


def main(*, seed: bool) -> None:
    """Prepare the database, and print the login of a first run. A signal ends it with a failure, and PostgreSQL rolls back."""
    exit_at_signals(1)
    survive_lost_output()
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
        exit_with(error)
