"""`make chaos`, or `python -m chaos --kills 200 --writes 20000 --seed 1`. Exits with code 1 and lists every violation."""

import argparse
import secrets
from pathlib import Path

import pytest

from chaos.run import Options, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="chaos", description="Kill processes under write load, and account for every write.")
    parser.add_argument(
        "--kills", type=int, default=30, help="number of processes to kill; 24 or more (28 with brokers) hit every named point"
    )
    parser.add_argument("--writes", type=int, default=1500, help="minimum number of acknowledged writes")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="repeats the plan of an earlier run")
    parser.add_argument("--clients", type=int, default=12, help="number of concurrent clients")
    parser.add_argument("--servers", type=int, default=3, help="`api-base serve` processes")
    parser.add_argument("--workers", type=int, default=3, help="`api-base worker` processes")
    parser.add_argument(
        "--brokers", action="store_true", help="use Kafka and RabbitMQ of `make services` for events and jobs, and kill them too"
    )
    parser.add_argument("--home", type=Path, help="directory for logs and data to keep; default: keep nothing")
    options = Options(**vars(parser.parse_args()))
    try:
        return run(options)
    except (pytest.skip.Exception, pytest.fail.Exception) as reason:  # raised by the test helpers for a missing server
        parser.exit(2, f"chaos: {reason}\n")


if __name__ == "__main__":
    raise SystemExit(main())
