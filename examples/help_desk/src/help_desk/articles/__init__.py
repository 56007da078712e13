"""The context `articles`: the knowledge base of a tenant, whose published articles anybody reads."""

from dataclasses import replace

from api_base import VIEWERS, ListOf, on
from help_desk.articles.article import ARTICLES, FOLLOWERS, VOTES
from help_desk.articles.public_pages import (
    ListPublicArticles,
    ReadPublicArticle,
    ReadPublicArticleHandler,
)
from help_desk.articles.reactions import HasReacted, HasReactedHandler, React, ReactHandler
from help_desk.articles.routes import routes
from help_desk.desk import of_desk

_MADE = ARTICLES.context(
    handlers=lambda ports: [
        on(
            ListPublicArticles,
            ListOf(ports.database, ARTICLES.mapping, ARTICLES.to_dto, ARTICLES.routes_of.fields),
        ),
        on(ReadPublicArticle, ReadPublicArticleHandler(ports.database)),
        on(React, ReactHandler(ports)),
        on(HasReacted, HasReactedHandler(ports)),
    ],
    routes=routes,
)
CONTEXT = replace(
    of_desk(_MADE),
    tables=(*_MADE.tables, VOTES, FOLLOWERS),
    permissions={**_MADE.permissions, React.permission: VIEWERS},
)
