"""One server process: uvicorn on a socket that the supervisor listens on."""

import socket
import sys

from api_base.core.errors import ApiBaseError


def run(descriptor: int, *, seed: bool) -> None:
    """Serve on the inherited socket until SIGTERM; requests in hand are finished. `seed`: see to a first run."""
    import uvicorn

    from api_base.bootstrap.application import create_app
    from api_base.bootstrap.contexts import contexts_of
    from api_base.bootstrap.first_run import prepare
    from api_base.cli.resolving import configured
    from api_base.core.config import load_settings

    settings = load_settings()
    contexts = contexts_of(settings)
    announcement = prepare(settings, configured(settings), contexts, seed=seed)
    if announcement:
        print(announcement, flush=True)
    config = uvicorn.Config(
        create_app(settings, contexts),
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(settings.server.shutdown_timeout),
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    try:
        run(int(sys.argv[1]), seed=sys.argv[2] == "seed")
    except ApiBaseError as error:
        print(f"api-base: {error}", file=sys.stderr)
        raise SystemExit(2) from None
