"""Signing keys for tests."""

from pathlib import Path

from api_base.infrastructure.auth import keys
from api_base.testing.keys import pem


def signing_key() -> keys.SigningKey:
    return keys.load([pem()], Path())[0]
