"""What the worker does for other services: their messages for this one, executed on its bus."""

from collections.abc import Iterator, Mapping

from api_base.application.common.cqrs import Message
from api_base.application.common.remote import RemoteService
from api_base.bootstrap.services import Services
from api_base.core.errors import ConfigurationError
from api_base.core.protocols import PeriodicTask


def remote_work(services: Services) -> Iterator[PeriodicTask]:
    """Nothing where REMOTE__URL is not given, or no context serves anything."""
    served = _served(services)
    if services.settings.remote.url is None or not served:
        return
    from api_base.infrastructure.remote.rabbitmq_rpc import RabbitMqRpcServer
    from api_base.infrastructure.serialization.json_codec import decode_as
    from api_base.infrastructure.serialization.result_codec import encode_result

    container, settings = services.container, services.settings
    service = RemoteService(
        services.bus,
        served,
        container.token_verifier(),
        container.access(),
        container.audit_store(),
        decode=decode_as,
        encode=encode_result,
    )
    server = RabbitMqRpcServer(container.remote_connection(), settings.app_name, service.answer, settings.remote.concurrency)
    yield PeriodicTask(name="answer other services", group="remote", interval=1.0, run=server.run, end=server.close)


def _served(services: Services) -> Mapping[str, type[Message[object]]]:
    """Raises `ConfigurationError` for a name that two contexts serve."""
    served: dict[str, type[Message[object]]] = {}
    for context in services.contexts:
        if twice := sorted(served.keys() & context.remote.keys()):
            raise ConfigurationError(f"Two contexts serve the message {twice[0]}.")
        served |= context.remote
    return served
