"""Feature flags as product code reads them: `flags.enabled("new-checkout")`. A flag never grants a permission."""

from api_base.application.services.feature_flags.context import RequestAttributes
from api_base.application.services.feature_flags.current import CurrentFlags, FlagListener
from api_base.application.services.feature_flags.flags import FeatureFlags

__all__ = ["CurrentFlags", "FeatureFlags", "FlagListener", "RequestAttributes"]
