"""Commands and results of jobs as JSON."""

from typing import Any, Final

import msgspec

_encode: Final = msgspec.json.Encoder(enc_hook=str).encode


def encode(message: object) -> str:
    """Raises `TypeError` for what JSON has no form for."""
    return _encode(message).decode()


def encode_result(result: object) -> str | None:
    """The same; None for nothing."""
    return None if result is None else encode(result)


def decode(payload: bytes, wanted: type[Any]) -> Any:
    """A command of the class `wanted`. Raises `ValueError` where none can be made."""
    decoder = _decoders.get(wanted)
    if decoder is None:
        decoder = _decoders[wanted] = msgspec.json.Decoder(wanted)
    return decoder.decode(payload)


_decoders: Final[dict[type[Any], msgspec.json.Decoder[Any]]] = {}
"""As many as there are kinds of jobs."""
