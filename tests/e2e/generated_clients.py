"""Programs that use generated clients, and how TypeScript is generated, compiled and run."""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.e2e.conftest import Project
from tests.e2e.processes import Backend
from tests.node import run_node

HERE: Final = Path(__file__).parent / "openapi_clients"
TYPESCRIPT: Final[Mapping[str, Callable[[Path], tuple[str, ...]]]] = {
    "openapi_typescript": lambda out: (
        "node_modules/openapi-typescript/bin/cli.js",
        "openapi.json",
        "--default-non-nullable=false",
        "-o",
        f"{out}/generated.ts",
    ),
    "hey_api": lambda out: ("node_modules/@hey-api/openapi-ts/bin/run.js", "-i", "openapi.json", "-o", f"{out}/generated"),
    "orval": lambda out: (
        *("node_modules/orval/dist/bin/orval.mjs", "--input", "openapi.json"),
        *("--output", f"{out}/generated.ts", "--client", "fetch"),
    ),
    "swagger_typescript_api": lambda out: (
        *("node_modules/swagger-typescript-api/dist/cli.mjs", "generate", "-p", "openapi.json"),
        *("-o", str(out), "-n", "generated.ts"),
    ),
}
"""The command line of each generator from npm, in the folder of the packages, for the folder of what it generates."""


def expected(sku: str) -> dict[str, Any]:
    """What every program prints."""
    return {"created": sku, "conflict": "/problems/conflict", "listed": [sku], "sparse": ["id", "name"]}


def generate(packages: Path, name: str) -> None:
    """Run a generator from npm on the document in `packages`."""
    ran = run_node(packages, *TYPESCRIPT[name](packages / name))
    assert ran.returncode == 0, ran.stdout + ran.stderr


def compiled(packages: Path, name: str) -> str:
    """Check the types of program and generated client strictly, and return the file that Node can run."""
    folder = packages / name
    for one in (f"{name}.ts", "arguments.ts", "tsconfig.json"):
        (folder / one).write_text((HERE / one).read_text())
    checked = run_node(packages, "node_modules/typescript/bin/tsc", "-p", f"{name}/tsconfig.json")
    assert checked.returncode == 0, checked.stdout
    bundle = f"{name}/{name}.mjs"
    made = run_node(packages, "node_modules/esbuild/bin/esbuild", f"{name}/{name}.ts", "--bundle", "--format=esm", f"--outfile={bundle}")
    assert made.returncode == 0, made.stderr
    return bundle


def seen_by(packages: Path, program: str, backend: Backend, project: Project, sku: str) -> Any:
    """What the program prints."""
    ran = run_node(packages, program, f"http://127.0.0.1:{backend.port}", project.email, project.password, sku)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def done(*command: object, cwd: Path, programs: Path | None = None) -> str:
    """What a command prints. `programs` are those of a folder that come first."""
    path = os.environ["PATH"] if programs is None else f"{programs}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path}
    ran = subprocess.run([str(part) for part in command], cwd=cwd, env=variables, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    return ran.stdout
