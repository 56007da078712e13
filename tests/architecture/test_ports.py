"""Every port of `core/protocols` has an adapter that inherits it, so that mypy proves that the adapter fits."""

import inspect
from collections.abc import Mapping
from typing import Final, is_protocol

import pytest

from api_base.core import protocols
from tests.architecture.modules import MODULES

PORTS: Final = [port for port in vars(protocols).values() if inspect.isclass(port) and is_protocol(port)]
WITHOUT_A_CLASS: Final[Mapping[type, str]] = {
    protocols.Criterion: "the domain's Specification: the core cannot name it",
    protocols.Savepoint: "api_base.infrastructure.db.unit_of_work.savepoint is a function",
}


def adapters_of(port: type) -> list[str]:
    classes = {one for module in MODULES for one in vars(module).values() if inspect.isclass(one)}
    return [one.__name__ for one in classes if port in one.__mro__ and not is_protocol(one)]


@pytest.mark.parametrize("port", PORTS, ids=lambda port: port.__name__)
def test_an_adapter_inherits_the_port(port: type) -> None:
    assert bool(adapters_of(port)) != (port in WITHOUT_A_CLASS)


def test_no_port_is_forgotten() -> None:
    assert len(PORTS) >= 25
    assert set(WITHOUT_A_CLASS) <= set(PORTS)
