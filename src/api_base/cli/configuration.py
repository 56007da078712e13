"""`api-base configuration`: print the page of all settings."""


def configuration() -> None:
    """Print every setting in Markdown, with those of the contexts that CONTEXTS adds: type, default and meaning."""
    from api_base.bootstrap.configuration import load
    from api_base.operations.configuration_page import page

    settings, _ = load()
    print(page(type(settings)))
