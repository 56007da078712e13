"""E-mails to users: templates by language, links, recipients."""

from api_base.application.services.mailing.email_templates import EmailTemplates, Recipient
from api_base.application.services.mailing.links import Links

__all__ = ["EmailTemplates", "Links", "Recipient"]
