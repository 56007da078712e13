"""Use cases of plain resources: create, change, delete, restore; their messages, and the fields of their lists."""

from api_base.application.common.resources.dtos import ResourceDTO
from api_base.application.common.resources.fields import resource_fields
from api_base.application.common.resources.handlers import (
    Create,
    Delete,
    Owner,
    ResourceRepository,
    Restore,
    Update,
    of_member,
    of_system,
    of_tenant,
    of_user,
)
from api_base.application.common.resources.messages import (
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

__all__ = [
    "Create",
    "CreateResource",
    "Delete",
    "DeleteResource",
    "FindResource",
    "GetResource",
    "GetResourceByKey",
    "GetResources",
    "ListResources",
    "Owner",
    "ResourceDTO",
    "ResourceRepository",
    "Restore",
    "RestoreResource",
    "Update",
    "UpdateResource",
    "of_member",
    "of_system",
    "of_tenant",
    "of_user",
    "resource_fields",
]
