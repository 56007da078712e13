"""The context `articles`: the knowledge base of a tenant."""

from dataclasses import replace

from api_base import VIEWERS, on
from help_desk.articles.article import ARTICLES, FOLLOWERS, VOTES
from help_desk.articles.reactions import HasReacted, HasReactedHandler, React, ReactHandler
from help_desk.articles.routes import routes
from help_desk.desk import of_desk

_MADE = ARTICLES.context(
    handlers=lambda ports: [
        on(React, ReactHandler(ports)),
        on(HasReacted, HasReactedHandler(ports)),
    ],
    routes=routes,
    tables=(VOTES, FOLLOWERS),
)
CONTEXT = replace(of_desk(_MADE), permissions={**_MADE.permissions, React.permission: VIEWERS})
