"""The worker as a child of `api-base serve`: as `api-base worker`, and gone when its parent is."""

import os
import sys

from api_base.cli.background import run
from api_base.cli.parent import Parent
from api_base.core.config import load_settings
from api_base.core.errors import ApiBaseError


def main(parent: Parent) -> None:
    """Obey the orders of `parent`."""
    orders = parent.orders()
    os.environ.update(orders.environment)
    settings = load_settings()
    parent.watch(settings.server.shutdown_timeout)
    run(settings)


if __name__ == "__main__":
    try:
        main(Parent(int(sys.argv[1])))
    except ApiBaseError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
