"""EmailTemplates as contexts write them: their templates, and links to the pages of this application."""

from pathlib import Path
from typing import Final

from api_base.application.services.mailing import EmailTemplates, Links
from api_base.bootstrap.context import Ports

PAGES: Final = "/links"
"""Where this server has pages for links, unless `MAIL__LINKS` names others."""

ATTEMPTS: Final = 20
"""Of a letter, where it is not the mail server that is down."""


def email_templates(ports: Ports, folder: Path) -> EmailTemplates:
    """The templates in `folder`, by the mailer that the settings name."""
    return EmailTemplates(folder, ports.mailer, ports.settings.app_name)


def links(ports: Ports) -> Links:
    """Links with tokens that this application opens."""
    server = ports.settings.server
    base = ports.settings.mail.links or f"http://{server.host}:{server.port}{PAGES}"
    return Links(base, ports.link_tokens)
