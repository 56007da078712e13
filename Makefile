# Everything starts from Python 3 and make: uv comes into .tools, everything else into .venv.
.DEFAULT_GOAL := help
SHELL := /bin/bash
unexport PYTHONDONTWRITEBYTECODE

UV_VERSION := 0.13.9
UV := .tools/uv
# pyenv's shims hide every version but the selected one.
export UV_PYTHON_SEARCH_PATH := $(shell ls -d $(HOME)/.pyenv/versions/3.1[2-9]*/bin 2>/dev/null | sort -rV | tr '\n' ':')$(PATH)
export UV_NO_PROGRESS := 1
EXTRAS := --extra embedded
PYTEST_PLUGINS := -p asyncio -p xdist -p pytest_cov -p timeout -p hypothesispytest
export PYTEST_DISABLE_PLUGIN_AUTOLOAD := 1

.PHONY: help run test lint types architecture tests docs services services-stop bench chaos mutants test-ids clean

help: ## What there is.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

$(UV):
	@command -v python3 >/dev/null || { echo "Python 3 is needed to begin with: install python3." >&2; exit 1; }
	@mkdir -p .tools
	@python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .tools/site uv==$(UV_VERSION) 2>/dev/null \
		|| { python3 -m venv .tools/venv && .tools/venv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) \
		&& mkdir -p .tools/site && ln -sf ../venv/bin .tools/site/bin; } \
		|| { echo "uv $(UV_VERSION) cannot be installed: neither pip nor venv works for $$(command -v python3). Install python3-venv." >&2; exit 1; }
	@ln -sf site/bin/uv $(UV)

.venv/.run: $(UV) uv.lock pyproject.toml
	@$(UV) sync --quiet --frozen --no-dev $(EXTRAS) \
		|| { echo "No Python 3.12 or newer is to be had: install one (it was looked for on PATH and in pyenv, and could not be downloaded)." >&2; exit 1; }
	@touch $@

.venv/.dev: $(UV) uv.lock pyproject.toml
	@$(UV) sync --quiet --frozen $(EXTRAS) --extra otlp --extra kafka --extra rabbitmq
	@touch $@ .venv/.run

run: .venv/.run ## Start everything and serve on port 8000.
	@exec .venv/bin/api-base serve

test: lint types architecture tests ## Lint, types, architecture and all tests.

lint: .venv/.dev ## Style and dependencies.
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/deptry src

types: .venv/.dev ## mypy, strict.
	.venv/bin/mypy

architecture: .venv/.dev ## Who imports whom.
	.venv/bin/lint-imports

tests: .venv/.dev ## The tests alone, in parallel, with branch coverage.
	.venv/bin/python -m pytest $(PYTEST_PLUGINS) -n 2 --dist loadfile --cov --cov-report=term:skip-covered

docs: .venv/.dev ## Write the documents that are made from the code: configuration, problems, OpenAPI, events.
	.venv/bin/python -m tools.documents

services: $(UV) ## Install and start the real servers that tests use, on loopback.
	@services/all.sh up

services-stop: ## End them.
	@services/all.sh down

bench: .venv/.dev ## Measure, on this machine.
	.venv/bin/python -m benchmarks

chaos: .venv/.dev ## Kill what runs under write load, and count: make chaos KILLS=200 WRITES=20000 SEED=1; BROKERS=1 with Kafka and RabbitMQ
	@.venv/bin/python -m chaos $(if $(KILLS),--kills $(KILLS)) $(if $(WRITES),--writes $(WRITES)) $(if $(SEED),--seed $(SEED)) $(if $(BROKERS),--brokers)

mutants: .venv/.dev ## Change the code in places and see whether a test notices: make mutants SAMPLE=300 SEED=7 WITHIN=domain
	@nice .venv/bin/python -m tools.mutants $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED)) $(if $(WITHIN),--within $(WITHIN))

test-ids: .venv/.dev ## Compare the collected tests with those of earlier commits: each is there, or tests/history/moves.tsv says where it went.
	@.venv/bin/python -m pytest $(PYTEST_PLUGINS) --collect-only -q | .venv/bin/python -m tools.compare_tests

clean: ## Remove what was installed and built; .api-base and .services stay.
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage dist build
