"""Letters to users: templates by language, the links in them, and to whom."""

from api_base.application.services.mailing.letters import Addressee, Letters
from api_base.application.services.mailing.links import Links

__all__ = ["Addressee", "Letters", "Links"]
