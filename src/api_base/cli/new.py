"""`api-base new`: start a project."""

from pathlib import Path
from typing import Annotated

import typer


def new(
    name: Annotated[str, typer.Argument(help="Name of the project: lower-case words joined by hyphens.")],
    path: Annotated[Path | None, typer.Option(help="Folder of the project, by default one of its name here.")] = None,
) -> None:
    """Write the repository of a new project: package, settings, tests, Makefile and CI, which depends on this API Base."""
    from api_base.generating.origin import origin_for
    from api_base.generating.project import create_project

    folder = path or Path(name)
    origin = origin_for(folder)
    create_project(name, folder, origin)
    print(f"{folder} depends on {origin.described}.\nNext:\n    cd {folder}\n    make run\n    make test")
