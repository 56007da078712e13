"""The messages and permissions of a plain resource, for `crud`."""

from collections.abc import Mapping
from types import new_class
from typing import Final, cast

from api_base.application.common.cqrs import AUTHENTICATED
from api_base.application.common.importing.import_file import ImportFile
from api_base.application.common.importing.start_import import StartImport
from api_base.application.common.resources import (
    CreateResource,
    DeleteResource,
    FindResource,
    GetResource,
    GetResourceByKey,
    GetResources,
    ListResources,
    RestoreResource,
    UpdateResource,
)
from api_base.application.common.resources.importing import ImportResources
from api_base.bootstrap.contexts.roles import ADMINS, MEMBERS, PLATFORM_ADMIN, VIEWERS
from api_base.core.shared.naming import camel
from api_base.core.shared.places import Declaration
from api_base.domain.common.resource import Resource, RestorableResource
from api_base.domain.common.resource_events import ResourceEvent
from api_base.infrastructure.db.schema import Ownership

DECLARES_FOR_ITS_CALLERS: Final = True
_OF_TENANT: Final[Mapping[str, frozenset[str]]] = {
    "read": VIEWERS,
    "create": MEMBERS,
    "update": MEMBERS,
    "delete": ADMINS,
    "import": MEMBERS,
}
_PLATFORM: Final = frozenset({PLATFORM_ADMIN})


class Permissions:
    """The permissions of a resource: `notes:read` and so on. What belongs to a user is read and changed by that user alone.

    All tenants share what belongs to the system, and everybody may found a tenant: by default only administrators of the platform change it.
    """

    def __init__(self, name: str, owner: Ownership) -> None:
        self._name, self._owner = name, owner

    def of(self, action: str) -> str:
        """Return the permission of an action."""
        return AUTHENTICATED if self._owner is Ownership.USER else f"{self._name}:{action}"

    def roles(self, **roles: frozenset[str] | None) -> Mapping[str, frozenset[str]]:
        """Return the permissions of the actions with their roles; None stands for those by default."""
        if self._owner is Ownership.USER:
            return {}
        return {self.of(action): self._default(action) if names is None else names for action, names in roles.items()}

    def _default(self, action: str) -> frozenset[str]:
        if self._owner is Ownership.SYSTEM:
            return VIEWERS | _PLATFORM if action == "read" else _PLATFORM
        return _OF_TENANT[action]


class Messages[D](Declaration):
    """Makes the messages and events of a resource: classes derived from the generic ones, named after it."""

    def __init__(self, cls: type[Resource], dto: type[D], plural: str, permissions: Permissions) -> None:
        self.__post_init__()
        self._module, self._permissions = cls.__module__, permissions
        self._one, self._many = one, many = cls.__name__, camel(f"_{plural}")
        read, delete = permissions.of("read"), permissions.of("delete")
        self.get = cast("type[GetResource[D]]", self._made(f"Get{one}", _of(GetResource, dto), read))
        self.get_many = cast("type[GetResources[D]]", self._made(f"Get{many}ByIds", _of(GetResources, dto), read))
        self.get_by_key = cast("type[GetResourceByKey[D]]", self._made(f"Get{one}ByKey", _of(GetResourceByKey, dto), read))
        self.find = cast("type[FindResource]", self._made(f"Find{one}", FindResource, read))
        self.list = cast("type[ListResources[D]]", self._made(f"List{many}", _of(ListResources, dto), read))
        self.create = cast("type[CreateResource[D]]", self._made(f"Create{one}", _of(CreateResource, dto), permissions.of("create")))
        self.update = cast("type[UpdateResource[D]]", self._made(f"Update{one}", _of(UpdateResource, dto), permissions.of("update")))
        self.delete = cast("type[DeleteResource]", self._made(f"Delete{one}", DeleteResource, delete))
        restore = cast("type[RestoreResource[D]]", self._made(f"Restore{one}", _of(RestoreResource, dto), delete))
        self.restore = restore if issubclass(cls, RestorableResource) else None
        verbs = ("created", "changed", "deleted", "restored") if self.restore else ("created", "changed", "deleted")
        self.events = {verb: self._event(f"{one}{verb.capitalize()}", f"{plural}.{verb}.v1") for verb in verbs}

    def of_import(self) -> tuple[type[StartImport], type[ImportFile], type[ImportResources]]:
        """Return the commands of an import: the one that starts it, its job, and the one that saves rows."""
        permission = self._permissions.of("import")
        return (
            self._made(f"Start{self._one}Import", StartImport, permission),
            self._made(f"Import{self._one}File", ImportFile, permission),
            self._made(f"Import{self._many}", ImportResources, permission),
        )

    def _event(self, name: str, event: str) -> type[ResourceEvent]:
        members = {"__slots__": (), "__module__": self._module, "name": event, "declared_at": self.declared_at}
        return new_class(name, (ResourceEvent,), exec_body=lambda namespace: namespace.update(members))

    def _made(self, name: str, base: object, permission: str) -> type:
        members = {"__slots__": (), "__module__": self._module, "permission": permission, "declared_at": self.declared_at}
        return new_class(name, (base,), exec_body=lambda namespace: namespace.update(members))


def _of(generic: type, argument: type) -> object:
    """Return `generic[argument]`, for a class that is known at runtime only."""
    return generic[argument]  # type: ignore[index]  # each has one parameter
