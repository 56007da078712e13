"""A public help desk. Add it to an application with `CONTEXTS=help_desk:CONTEXTS`."""

from help_desk import articles, drafts, pages, teams, tickets

CONTEXTS = (articles.CONTEXT, drafts.CONTEXT, pages.CONTEXT, teams.CONTEXT, tickets.CONTEXT)
