"""The worker's task that executes messages of other services on the bus of this service."""

from collections.abc import Iterator, Mapping

from api_base.application.common.cqrs import Message
from api_base.application.common.remote import RemoteService
from api_base.bootstrap.services import Services
from api_base.core.errors import ConfigurationError
from api_base.core.protocols import PeriodicTask
from api_base.infrastructure.serialization.json_codec import decode_as
from api_base.infrastructure.serialization.result_codec import encode_result


def remote_work(services: Services) -> Iterator[PeriodicTask]:
    """Return the task. Returns none without `REMOTE__URL`, or if no context serves a message."""
    served = _served(services)
    if services.settings.remote.url is None or not served:
        return
    container = services.container
    service = RemoteService(
        services.bus,
        served,
        container.token_verifier,
        container.access,
        container.audit_store,
        decode=decode_as,
        encode=encode_result,
    )
    yield container.remote.task(service.answer)


def _served(services: Services) -> Mapping[str, type[Message[object]]]:
    """Return the served messages by name. Raises `ConfigurationError` for a message that two contexts serve."""
    served: dict[str, type[Message[object]]] = {}
    for context in services.contexts:
        if twice := sorted(served.keys() & context.remote.keys()):
            raise ConfigurationError(f"Two contexts serve the message {twice[0]!r}. Rename it in the `remote` of one of them.")
        served |= context.remote
    return served
