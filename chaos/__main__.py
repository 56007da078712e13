"""`make chaos`, or `python -m chaos --kills 200 --writes 20000 --seed 1`. Exit code 1 with every violation named."""

import argparse
import secrets
from pathlib import Path

import pytest

from chaos.run import Options, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="chaos", description="Kills what runs under write load, and counts what became of each write.")
    parser.add_argument(
        "--kills", type=int, default=30, help="processes to kill; from 24 on, with brokers from 28 on, every named point is hit"
    )
    parser.add_argument("--writes", type=int, default=1500, help="writes to be acknowledged, at least")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="makes the same plan again")
    parser.add_argument("--clients", type=int, default=12, help="clients that write at once")
    parser.add_argument("--servers", type=int, default=3, help="`api-base serve` processes")
    parser.add_argument("--workers", type=int, default=3, help="`api-base worker` processes")
    parser.add_argument(
        "--brokers", action="store_true", help="Kafka and RabbitMQ of `make services` carry events and jobs, and are killed too"
    )
    parser.add_argument("--home", type=Path, help="where everything is kept for looking at after_response; default: nothing is kept")
    options = Options(**vars(parser.parse_args()))
    try:
        return run(options)
    except (pytest.skip.Exception, pytest.fail.Exception) as reason:  # as tests are told of a server that is absent
        parser.exit(2, f"chaos: {reason}\n")


if __name__ == "__main__":
    raise SystemExit(main())
