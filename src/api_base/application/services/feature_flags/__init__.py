"""Feature flags as product code reads them: `flags.enabled("new-checkout")`. A flag never grants a permission."""

from api_base.application.services.feature_flags.context import RequestAttributes
from api_base.application.services.feature_flags.current import CurrentFlags, FlagListener
from api_base.application.services.feature_flags.flags import FeatureFlags
from api_base.application.services.feature_flags.product import IMPORT_FILES, INVITE_MEMBERS, require

__all__ = ["IMPORT_FILES", "INVITE_MEMBERS", "CurrentFlags", "FeatureFlags", "FlagListener", "RequestAttributes", "require"]
