"""The names that a generated part has: one word list, in the forms that Python, SQL and URLs need."""

import re
import sys
from dataclasses import dataclass
from importlib.metadata import distributions
from importlib.util import find_spec
from keyword import iskeyword
from typing import Final

from api_base.core.errors import ConfigurationError
from api_base.core.shared.naming import camel, in_path

MAX_LENGTH: Final = 28
"""Characters of the name of a context: those of a revision's id without its number."""
_SNAKE: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_PROJECT: Final = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_OWN_FOLDERS: Final = frozenset({"src", "test", "tests", "docs"})


def identifier(name: str, what: str) -> str:
    """Return `name`. Raises `ConfigurationError` unless it is lower-case words joined by underscores, and no keyword."""
    if not _SNAKE.fullmatch(name) or iskeyword(name):
        raise ConfigurationError(
            f"{name!r} cannot be the name of {what}. Write lower-case words joined by underscores, which are no keyword of Python."
        )
    return name


def class_name(name: str) -> str:
    """Return the name of the class: `sales_orders` is `SalesOrders`."""
    return camel(f"_{name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceName:
    """The name of a resource in the plural, which its table, path and permissions have, and in the singular."""

    plural: str
    singular: str

    @property
    def cls(self) -> str:
        """The class of one."""
        return class_name(self.singular)

    @property
    def constant(self) -> str:
        """The name of its declaration."""
        return self.plural.upper()

    @property
    def path(self) -> str:
        """The path below the prefix."""
        return f"/{in_path(self.plural)}"


def resource_name(plural: str, singular: str | None = None) -> ResourceName:
    """Return the names of a resource. Raises `ConfigurationError` for a name that is none, is too long, or has no regular singular."""
    return _named(plural, singular, "a resource", ", or pass --singular NAME")


def relation_name(plural: str) -> ResourceName:
    """Return the names of a relation. Raises `ConfigurationError` as `resource_name` does."""
    return _named(plural, None, "a relation", "")


def _named(plural: str, singular: str | None, what: str, otherwise: str) -> ResourceName:
    identifier(plural, what)
    if len(plural) > MAX_LENGTH:
        raise ConfigurationError(f"{plural!r} has {len(plural)} characters; the name of {what} has at most {MAX_LENGTH}. Shorten it.")
    one = identifier(singular, "one resource") if singular is not None else _singular(plural)
    if one is None or one == plural:
        raise ConfigurationError(f"{plural!r} is no regular plural. Write the plural, as in notes{otherwise}.")
    return ResourceName(plural=plural, singular=one)


def _singular(plural: str) -> str | None:
    for end, instead in (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("zes", "ze"), ("s", "")):
        if plural.endswith(end) and len(plural) > len(end) + 1 and not plural.endswith("ss"):
            return plural.removesuffix(end) + instead
    return None


def package_name(project: str) -> str:
    """Return the package of a project. Raises `ConfigurationError` for a name that no package can have, or that an installed one has."""
    package = project.replace("-", "_")
    if not _PROJECT.fullmatch(project) or iskeyword(package):
        raise ConfigurationError(
            f"{project!r} cannot be the name of a project. Write lower-case words joined by hyphens, which are no keyword of Python: my-shop."
        )
    if package in _OWN_FOLDERS:
        raise ConfigurationError(f"{project!r} cannot be the name of a project: it is that of a folder in it. Choose another name.")
    if package in sys.stdlib_module_names or _installed(package):
        raise ConfigurationError(f"{project!r} cannot be the name of a project: a package of this name is installed. Choose another name.")
    return package


def _installed(package: str) -> bool:
    spec = find_spec(package)
    if spec is not None and spec.origin is not None:  # a folder that happens to be in the current one has no origin
        return True
    return any(re.sub(r"[-_.]+", "_", one.name).lower() == package for one in distributions())
