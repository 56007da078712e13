"""E-mail templates of contexts, and links to the pages of this application."""

from pathlib import Path
from typing import Final

from api_base.application.services.mailing import EmailTemplates, Links
from api_base.bootstrap.context import Ports

PAGES: Final = "/links"
"""Path of this server's own pages for links, used unless `MAIL__LINKS` is set."""

ATTEMPTS: Final = 20
"""Attempts to send an e-mail. An outage of the mail server does not count."""


def email_templates(ports: Ports, folder: Path) -> EmailTemplates:
    """Return the templates in `folder`, which send through the configured mailer."""
    return EmailTemplates(folder, ports.mailer, ports.settings.app_name)


def links(ports: Ports) -> Links:
    """Return the builder of links whose tokens this application accepts."""
    settings = ports.settings
    return Links(settings.mail.links or f"{settings.public_url}{PAGES}", ports.link_tokens)
