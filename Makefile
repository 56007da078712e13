# Needs Python 3 and make. uv is installed into .tools, everything else into .venv.
.DEFAULT_GOAL := help
SHELL := /bin/bash
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTEST_ADDOPTS

UV_VERSION := 0.13.9
UV := .tools/uv
# The shims of pyenv hide every version but the selected one.
export UV_PYTHON_SEARCH_PATH := $(shell ls -d "$(HOME)"/.pyenv/versions/3.1[2-9]*/bin 2>/dev/null | sort -rV | tr '\n' ':')$(PATH)
export UV_NO_PROGRESS := 1
EXTRAS := --extra embedded
PYTEST := .venv/bin/python -m pytest -p asyncio -p xdist -p timeout -p hypothesispytest
# One more than the cores that the targets of time are meant for: integration and end-to-end tests wait for most of theirs.
TEST_PROCESSES := 3
PARALLEL := --dist loadfile --no-loadscope-reorder
export PYTEST_DISABLE_PLUGIN_AUTOLOAD := 1

.PHONY: help run check test lint types architecture unit tests coverage docs docs-site services services-stop bench chaos cache-kills host-faults large-export large-import realtime-kills search-kills search-rebuild storage-sizes trace-collector clients generators schemathesis collections mcp-conformance upload-client upload-kills upload-sizes web-client websocket-client websocket-load mutants test-ids tests-of-before clean

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

$(UV):
	@tools/setup.sh uv $(UV_VERSION)

.venv/.run: $(UV) uv.lock pyproject.toml
	@tools/setup.sh sync --no-dev $(EXTRAS)
	@touch $@

.venv/.dev: $(UV) uv.lock pyproject.toml
	@tools/setup.sh sync $(EXTRAS) --extra elasticsearch --extra generate --extra images --extra kafka --extra opensearch --extra otlp --extra rabbitmq --extra redis --extra reload --extra s3
	@touch $@ .venv/.run

run: .venv/.run ## Start the backend with its database and worker, and serve on port 8000.
	@exec .venv/bin/api-base serve

check: lint types architecture unit ## What to run while working: lint, types, architecture and unit tests.

test: lint types architecture tests ## What to run before a commit: lint, types, architecture and the tests.

lint: .venv/.dev ## Style and dependencies.
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/deptry src

types: .venv/.dev ## mypy, strict.
	.venv/bin/mypy

architecture: .venv/.dev ## Which package may import which.
	.venv/bin/lint-imports

unit: .venv/.dev ## The unit tests.
	$(PYTEST) -n 2 $(PARALLEL) tests/unit

tests: .venv/.dev ## All tests but the slow ones, which run in .ci/run: together five minutes.
	$(PYTEST) -n $(TEST_PROCESSES) $(PARALLEL) -m "not slow"

coverage: .venv/.dev ## All tests, with branch coverage.
	PYTHONPATH=$(CURDIR)/tests/measuring $(PYTEST) -n $(TEST_PROCESSES) $(PARALLEL) -p pytest_cov --cov --cov-report=term:skip-covered

docs: .venv/.dev ## Generate the documents that come from the code: configuration, problems, OpenAPI, events, privileges.
	.venv/bin/python -m tools.documents

docs-site: .venv/.dev ## Build the documentation as a site in build/site; a warning fails.
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --quiet

services: $(UV) ## Install and start the real servers that tests use, on the loopback interface; with MINIO=1 also MinIO, which is compiled for some minutes.
	@services/all.sh up

services-stop: ## Stop these servers.
	@services/all.sh down

bench: .venv/.dev ## Run the benchmarks.
	.venv/bin/python -m benchmarks

chaos: .venv/.dev ## Kill processes under write load and verify the data: make chaos KILLS=200 WRITES=20000 SEED=1; BROKERS=1 with Kafka and RabbitMQ
	@.venv/bin/python -m chaos $(if $(KILLS),--kills $(KILLS)) $(if $(WRITES),--writes $(WRITES)) $(if $(SEED),--seed $(SEED)) $(if $(BROKERS),--brokers)

web-client: .venv/.dev ## Read flags by OpenFeature's provider for browsers, on Node. Needs the npm registry.
	@$(PYTEST) -q -n 0 tests/web_client/check_web_client.py

generators: .venv/.dev ## Generate, compile and use clients by six generators that we did not write. Needs a JDK, Maven, and the registries of npm, PyPI and Maven.
	@$(PYTEST) -q -n 0 tests/e2e/check_generators.py

clients: .venv/.dev ## Write and build the typed clients of the API for Python and TypeScript in build/clients. Needs the npm registry.
	.venv/bin/api-base openapi python build/clients/python
	.venv/bin/api-base openapi typescript build/clients/typescript
	$(UV) build --quiet build/clients/python
	@.venv/bin/python -m tests.node build/clients/typescript install --silent --no-audit --no-fund
	@.venv/bin/python -m tests.node build/clients/typescript run build --silent

schemathesis: .venv/.dev ## Test every operation of both versions by schemathesis, with all checks and links: make schemathesis SEEDS=1,2,3,4,5
	@SCHEMATHESIS_SEEDS=$(or $(SEEDS),1) $(PYTEST) -q -s -n 0 tests/e2e/check_schemathesis.py

collections: .venv/.dev ## Run the collections for Postman and Bruno against a server. Needs the npm registry.
	@$(PYTEST) -q -n 0 tests/e2e/check_collections.py

upload-client: .venv/.dev ## Upload files by npm's tus-js-client in each of its protocols. Needs the npm registry.
	@$(PYTEST) -q -n 0 tests/e2e/check_upload_client.py

mcp-conformance: .venv/.dev ## Run every scenario of the official conformance suite of MCP against a server. Needs the npm registry.
	@MCP_CONFORMANCE=full $(PYTEST) -q -n 0 tests/e2e/test_mcp_conformance.py

websocket-client: .venv/.dev ## Receive events over WebSocket by npm's ws. Needs the npm registry.
	@$(PYTEST) -q -n 0 tests/e2e/check_websocket_client.py

websocket-load: .venv/.dev ## Measure many WebSockets by a client in Go: 2,000 at 5 events/s, with and without compression, also by a whole server, and 50 at 100 events/s. Needs go.
	.venv/bin/python -m benchmarks.websocket_load --count 2000 --rate 5
	.venv/bin/python -m benchmarks.websocket_load --count 2000 --rate 5 --deflate
	.venv/bin/python -m benchmarks.websocket_load --count 50 --rate 100
	.venv/bin/python -m benchmarks.websocket_load --count 2000 --rate 5 --served

large-export: .venv/.dev ## Export a list over HTTP and print time and memory: make large-export ITEMS=100000
	@LARGE_EXPORT_ITEMS=$(or $(ITEMS),1000000) $(PYTEST) -q -s -n 0 tests/e2e/test_large_export.py

large-import: .venv/.dev ## Import a CSV file of 1 GiB by HTTP, kill the worker in the middle, and measure memory: make large-import MIB=1024
	@LARGE_IMPORT_MIB=$(or $(MIB),1024) $(PYTEST) -q -s -n 0 tests/e2e/test_large_import.py

cache-kills: .venv/.dev ## Kill 1,000 processes between a commit and the invalidation of what was cached: make cache-kills KILLS=100
	@CACHE_KILLS=$(or $(KILLS),1000) $(PYTEST) tests/integration/test_killed_before_invalidation.py

realtime-kills: .venv/.dev ## Kill servers, their processes and workers under 50 clients of channels and 8 writers; compare what each received: make realtime-kills EVENTS=1000
	@REALTIME_EVENTS=$(or $(EVENTS),1000) $(PYTEST) -q -s -n 0 tests/e2e/test_realtime_under_kill.py

host-faults: .venv/.dev ## As root: forget connections to PostgreSQL by nft, fill its disk, and start processes with a wrong clock. Needs nft, ss and cc.
	@$(PYTEST) -q -s -n 0 tests/e2e/check_host_faults.py

search-kills: .venv/.dev ## Kill each search server 20 times under writes and compare what it holds: make search-kills KILLS=5
	@SEARCH_KILLS=$(or $(KILLS),20) $(PYTEST) tests/integration/test_search_under_kill.py

search-rebuild: .venv/.dev ## Rebuild a search index of 100,000 items on each search server under 100 commands a second and searches: make search-rebuild ITEMS=10000 SERVER=opensearch
	@SEARCH_REBUILT=$(or $(ITEMS),100000) .venv/bin/python -m benchmarks.search_rebuild $(SERVER)

storage-sizes: .venv/.dev ## Store and read objects of a size, compare every byte, and print the memory: make storage-sizes SIZE=2GiB
	@STORAGE_SIZE=$(or $(SIZE),2GiB) .venv/bin/python -m benchmarks.storage_sizes

trace-collector: .venv/.dev ## Build and start the OpenTelemetry Collector, send it the trace of an import through all hops, and look it up there.
	@services/collector.sh up && set -a && . .services/collector/env && $(PYTEST) -s -n 0 tests/e2e/check_collector.py; services/collector.sh down

upload-kills: .venv/.dev ## Kill the server in the middle of 200 uploads, go on, and compare every byte: make upload-kills KILLS=20
	@UPLOAD_KILLS=$(or $(KILLS),200) $(PYTEST) -q -s -n 0 tests/e2e/test_uploads.py -k kill

upload-sizes: .venv/.dev ## Upload and download a file over HTTP by each way in, compare every byte, and print the memory: make upload-sizes SIZE=64MiB
	@UPLOAD_SIZE=$(or $(SIZE),2GiB) $(PYTEST) -q -s -n 0 tests/e2e/test_uploads.py -k "memory_is_flat or twenty_uploads"

mutants: .venv/.dev ## Change the code in places and see whether a test notices: make mutants SAMPLE=300 SEED=7 WITHIN=domain
	@nice .venv/bin/python -m tools.mutants $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED)) $(if $(WITHIN),--within $(WITHIN))

test-ids: .venv/.dev ## Compare the collected tests with those of earlier commits: each is there, or tests/history/moves.tsv says where it went.
	@$(PYTEST) --collect-only -q | .venv/bin/python -m tools.compare_tests

tests-of-before: .venv/.dev ## Run only the tests of the commits in tests/history, wherever they are now: those that the targets of time were set for.
	@mkdir -p build
	@$(PYTEST) --collect-only -q | .venv/bin/python -m tools.compare_tests --list > build/tests-of-before
	$(PYTEST) -n $(TEST_PROCESSES) $(PARALLEL) -m "not slow" @build/tests-of-before

clean: ## Remove installed and built files, but not .api-base and .services.
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage dist build
