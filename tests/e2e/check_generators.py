"""Clients by generators that we did not write: `make generators`. Each is generated from the document of a running server, compiled strictly, and
used for log-in, create, conflict and list, and for a list with `fields`. It needs a JDK and Maven, and the registries of npm, PyPI and Maven."""

import json
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from tests.e2e.conftest import Project
from tests.e2e.generated_clients import HERE, TYPESCRIPT, compiled, done, expected, generate, seen_by
from tests.e2e.processes import UNLIMITED, Backend, serving
from tests.node import install

JAR: Final = "org.openapitools:openapi-generator-cli:7.25.0"
PYTHON_GENERATOR: Final = "openapi-python-client==0.29.1"


@pytest.fixture(scope="module")
def backend(project: Project) -> Iterator[Backend]:
    with serving(project.home, **UNLIMITED) as running:
        yield running.ready()


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory, backend: Backend) -> Path:
    """The installed generators, and the document."""
    folder = install(HERE, tmp_path_factory.mktemp("generators"))
    (folder / "openapi.json").write_text(json.dumps(backend.request("GET", "/openapi.json")[1]))
    return folder


@pytest.fixture(scope="module")
def jar(packages: Path) -> Path:
    done("mvn", "-q", "-B", "dependency:copy", f"-Dartifact={JAR}", f"-DoutputDirectory={packages}", cwd=packages)
    (found,) = packages.glob("openapi-generator-cli-*.jar")
    return found


@pytest.mark.parametrize("name", [*TYPESCRIPT, "openapi_generator"])
def test_typescript(project: Project, backend: Backend, packages: Path, name: str, request: pytest.FixtureRequest) -> None:
    sku = uuid4().hex[:12]
    if name in TYPESCRIPT:
        generate(packages, name)
    else:
        found, generated = request.getfixturevalue("jar"), packages / name / "generated"
        done("java", "-jar", found, "generate", "-i", "openapi.json", "-g", "typescript-fetch", "-o", generated, cwd=packages)
    program = compiled(packages, name)
    assert seen_by(packages, program, backend, project, sku) == expected(sku)


def test_java(project: Project, backend: Backend, packages: Path, jar: Path) -> None:
    generated, sku = packages / "java", uuid4().hex[:12]
    done("java", "-jar", jar, "generate", "-i", "openapi.json", "-g", "java", "--library", "native", "-o", generated, cwd=packages)
    (generated / "src/main/java/Client.java").write_text((HERE / "Client.java").read_text())
    done("mvn", "-q", "-B", "compile", "dependency:build-classpath", "-Dmdep.outputFile=classpath", cwd=generated)
    path = f"{generated / 'target/classes'}:{(generated / 'classpath').read_text()}"
    printed = done("java", "-cp", path, "Client", f"http://127.0.0.1:{backend.port}", project.email, project.password, sku, cwd=generated)
    assert json.loads(printed) == expected(sku)


def test_python(project: Project, backend: Backend, packages: Path) -> None:
    folder, sku = packages / "python", uuid4().hex[:12]
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv/bin"
    done(programs / "python", "-m", "pip", "install", "-q", PYTHON_GENERATOR, "mypy", "types-python-dateutil", cwd=folder)
    options = ("--meta", "none", "--output-path", folder / "client", "--fail-on-warning")
    done("openapi-python-client", "generate", "--path", packages / "openapi.json", *options, cwd=folder, programs=programs)
    (folder / "program.py").write_text((HERE / "openapi_python_client.py").read_text())
    done(programs / "python", "-m", "mypy", "--strict", "--follow-imports=silent", "program.py", cwd=folder)
    printed = done(programs / "python", "program.py", f"http://127.0.0.1:{backend.port}", project.email, project.password, sku, cwd=folder)
    assert json.loads(printed) == expected(sku)
