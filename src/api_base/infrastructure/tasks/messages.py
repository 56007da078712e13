"""Commands and results of jobs as JSON."""

from typing import Any, Final

import msgspec

from api_base.core.types import Ok

_encode: Final = msgspec.json.Encoder(enc_hook=str).encode


def encode(message: object) -> str:
    """Raises `TypeError` for what JSON has no form for."""
    return _encode(message).decode()


def encode_result(result: object) -> str | None:
    """The same; None for nothing. Of what is `Ok`, its value."""
    value = result.value if isinstance(result, Ok) else result
    return None if value is None else encode(value)


def decode(payload: bytes, wanted: type[Any]) -> Any:
    """A command of the class `wanted`. Raises `ValueError` where none can be made."""
    decoder = _decoders.get(wanted)
    if decoder is None:
        decoder = _decoders[wanted] = msgspec.json.Decoder(wanted)
    return decoder.decode(payload)


_decoders: Final[dict[type[Any], msgspec.json.Decoder[Any]]] = {}
"""As many as there are kinds of jobs."""
