"""API Base: the base a team installs to start an HTTP backend.

`__init__.pyi` lists the public names. Each is imported at its first use [PEP 562], so importing this package costs nothing.
"""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    from importlib import import_module

    from api_base.core.shared.public_names import places

    if name.startswith("_") or (module := places().get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = import_module(module)
    value: object = getattr(found, name) if hasattr(found, name) else import_module(f"{module}.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    from api_base.core.shared.public_names import places

    return sorted([*globals(), *places()])
