"""`api-base openapi`: print the OpenAPI document, compare two, and make clients and collections of requests from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

_URL = "The URL of the server."
_LOCAL = "http://127.0.0.1:8000"
_VERSION = "The version of the API; the newest one if it is left out."

_FOLDER = "The folder of the client: it is empty, does not exist, or has one that this command wrote."
_PACKAGE = "The name of the package; that of the API and -client if it is left out."
WRITTEN: Final = ".api-base-client"
"""The file by which a later run knows that it may write the client again."""

app = typer.Typer(
    help="Print the OpenAPI document of the API as JSON, compare two documents, or make clients and collections of requests.",
    invoke_without_command=True,
)


@app.callback()
def openapi(context: typer.Context, version: Annotated[int | None, typer.Option(help=_VERSION)] = None) -> None:
    """Print the OpenAPI document of the API as JSON, compare two documents, or make clients and collections of requests."""
    import json

    if context.invoked_subcommand is None:
        print(json.dumps(_document(version), indent=2, sort_keys=True, ensure_ascii=False))


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(help="The document of the release that clients use.")],
    now: Annotated[Path | None, typer.Argument(help="The newer document; that of this application if it is left out.")] = None,
    breaking: Annotated[bool, typer.Option("--breaking", help="List the breaking changes only.")] = False,
    version: Annotated[int | None, typer.Option(help=_VERSION)] = None,
) -> None:
    """List the changes between two OpenAPI documents. Ends with exit code 1 if one of them breaks clients of the first."""
    from api_base.interface.openapi.compatibility import changes

    old, new = _read(before), _document(version) if now is None else _read(now)
    found = changes(old, new)
    for change in found:
        if change.breaking or not breaking:
            print(change)
    broken = sum(change.breaking for change in found)
    print(f"{broken} breaking and {len(found) - broken} compatible changes")
    if broken:
        raise typer.Exit(1)


@app.command()
def postman(
    url: Annotated[str, typer.Option(help=_URL)] = _LOCAL,
    version: Annotated[int | None, typer.Option(help=_VERSION)] = None,
) -> None:
    """Print a collection for Postman, with first steps that newman runs: newman run FILE --folder 'First steps'."""
    import json

    from api_base.interface.openapi.postman import postman_collection

    print(json.dumps(postman_collection(_document(version), url), indent=2, ensure_ascii=False))


@app.command()
def bruno(
    folder: Annotated[Path, typer.Argument(help="The folder to write, which is empty or does not exist.")],
    url: Annotated[str, typer.Option(help=_URL)] = _LOCAL,
    version: Annotated[int | None, typer.Option(help=_VERSION)] = None,
) -> None:
    """Write a collection for Bruno, with first steps that bru runs: bru run 'First steps' --env local."""
    from api_base.core.errors import ConfigurationError
    from api_base.interface.openapi.bruno import bruno_collection

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(f"{folder} is not an empty folder. Name another one, or remove what it has.")
    _write(folder, bruno_collection(_document(version), url))


@app.command()
def python(
    folder: Annotated[Path, typer.Argument(help=_FOLDER)],
    package: Annotated[str | None, typer.Option(help=_PACKAGE)] = None,
    version: Annotated[int | None, typer.Option(help=_VERSION)] = None,
) -> None:
    """Write a typed client for Python, with and without asyncio, as a package: pip install FOLDER."""
    from api_base.generating.clients.python import python_client

    document = _document(version)
    _write_client(folder, python_client(document, package or f"{_slug(document)}-client".replace("-", "_")))


@app.command()
def typescript(
    folder: Annotated[Path, typer.Argument(help=_FOLDER)],
    package: Annotated[str | None, typer.Option(help=_PACKAGE)] = None,
    version: Annotated[int | None, typer.Option(help=_VERSION)] = None,
) -> None:
    """Write a typed client for TypeScript on fetch, as a package: npm install and npm run build in FOLDER."""
    from api_base.generating.clients.typescript import typescript_client

    document = _document(version)
    _write_client(folder, typescript_client(document, package or f"{_slug(document)}-client"))


def _slug(document: dict[str, Any]) -> str:
    import re

    found = re.sub(r"[^a-z0-9]+", "-", str(document["info"]["title"]).lower()).strip("-")
    return found if found[:1].isalpha() else f"api-{found}".rstrip("-")


def _write_client(folder: Path, files: Mapping[str, str]) -> None:
    """Write the files of a client. Raises `ConfigurationError` for a folder that has something else."""
    from api_base.core.errors import ConfigurationError

    if folder.exists() and not (folder / WRITTEN).exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(f"{folder} has files that this command did not write. Name another folder, or remove what it has.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WRITTEN).write_text("api-base openapi writes this folder again: change nothing in it.\n", encoding="utf-8")
    _write(folder, files)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files, each by a rename."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        written = folder / f"{path}.new"
        written.write_text(text, encoding="utf-8")
        written.replace(folder / path)
    print(f"{len(files)} files in {folder}")


def _document(version: int | None) -> dict[str, Any]:
    from api_base.bootstrap.application import create_app
    from api_base.bootstrap.configuration import load
    from api_base.core.errors import ConfigurationError

    settings, contexts = load()
    app = create_app(settings, contexts)
    served = app.state.services.versions.numbers
    if version is not None and version not in served:
        raise ConfigurationError(f"There is no version {version} of the API. Write one of {', '.join(map(str, served))}.")
    document: dict[str, Any] = app.openapi(version or served[-1])  # type: ignore[call-arg]  # see `openapi.install`
    return document


def _read(path: Path) -> dict[str, Any]:
    import json

    from api_base.core.errors import ConfigurationError

    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise ConfigurationError(f"{path} is not JSON. Write it with: api-base openapi > {path}") from None
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise ConfigurationError(f"{path} is not an OpenAPI document: it has no object paths.")
    return document
