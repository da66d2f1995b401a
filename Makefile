# `make` alone lists the commands. Only python3 (3.11 or newer) and make have to be there already.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := .venv-tools
STAMP := $(VENV)/.installed
UI_STAMP := $(VENV)/.installed-ui
CHROMIUM := $(firstword $(foreach name,chromium chromium-browser google-chrome,$(shell command -v $(name))))
PYTEST_ARGS ?=
BENCH_ARGS ?=
UV_LOCK := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url

.DEFAULT_GOAL := help
.PHONY: help install browser demo serve check lint types rooms schema-fresh test faults clients bench bench-mirror schema format lock audit clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

# The stamp is written last, so an installation that was cut short is done again.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3"; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV) \
	  || { echo "python3 -m venv failed; on Debian and Ubuntu: apt install python3-venv"; rm -rf $(VENV); exit 1; }
	@echo "Installing the locked dependencies into $(VENV) (a minute or so, once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

install: $(STAMP) ## Make .venv from the hash-pinned lock (the other commands do it when needed)

$(UI_STAMP): requirements-ui.lock $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-ui.lock
	@touch $@

browser: $(UI_STAMP) ## Install what drives Chromium in tests (make test does it where Chromium is)

demo: $(STAMP) ## Start a whole demonstration: two courses, a simulated class, the API
	@exec $(BIN)/lab-tutor demo

serve: $(STAMP) ## Start the API with the settings of the environment and .env
	@exec $(BIN)/lab-tutor serve

check: lint types rooms schema-fresh test ## Everything that has to hold before a commit

lint: $(STAMP) ## Style: ruff check and ruff format --check
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP) ## Types: mypy --strict
	@$(BIN)/mypy

rooms: $(STAMP) ## Rooms: who may import whom (import-linter)
	@$(BIN)/lint-imports --no-logo

schema-fresh: $(STAMP) ## Is schema.graphql what the code says?
	@$(BIN)/lab-tutor print-schema > $(VENV)/schema.graphql
	@diff -u schema.graphql $(VENV)/schema.graphql \
	  || { echo "schema.graphql is stale: run make schema and commit the result"; exit 1; }
	@echo "schema.graphql is fresh"

test: $(STAMP) $(if $(CHROMIUM),$(UI_STAMP)) ## Tests; with LAB_TUTOR_TEST_* set, on Neo4j and PostgreSQL servers too
	@$(BIN)/python -m pytest -n auto --dist loadfile $(PYTEST_ARGS)

FAULTS ?= -m ""
faults: $(STAMP) ## Kill and cut real processes; with LAB_TUTOR_TEST_* set, on Neo4j and PostgreSQL too
	@$(BIN)/python -m pytest -n auto $(FAULTS) tests/faults $(PYTEST_ARGS)

clients: $(STAMP) ## Real clients against a real API, and the schema's linters (needs Node.js 20)
	@tests/clients/run.sh

bench: $(STAMP) ## Measure beside three peers on one Neo4j (needs Node.js 20, Java 17, Maven); BENCH_ARGS=--quick
	@exec $(BIN)/python -m benchmarks $(BENCH_ARGS)

bench-mirror: $(STAMP) ## What the mirror costs, as ratios (BENCH_ARGS="--records 10000 --uri bolt://...")
	@exec $(BIN)/python -m benchmarks.mirror $(BENCH_ARGS)

schema: $(STAMP) ## Write schema.graphql from the code
	@$(BIN)/lab-tutor print-schema > $(VENV)/schema.graphql
	@cp $(VENV)/schema.graphql schema.graphql

format: $(STAMP) ## Format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

$(TOOLS)/.installed: requirements-tools.lock
	@[ -x $(TOOLS)/bin/python ] || $(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-tools.lock
	@touch $@

lock: $(TOOLS)/.installed ## Pin the dependencies again, keeping what still fits
	@$(TOOLS)/bin/uv $(UV_LOCK) --prerelease=if-necessary-or-explicit --extra embedded --extra dev \
	  pyproject.toml -o requirements.lock
	@$(TOOLS)/bin/uv $(UV_LOCK) --group tools -o requirements-tools.lock
	@$(TOOLS)/bin/uv $(UV_LOCK) --group ui -c requirements.lock -o requirements-ui.lock

audit: $(TOOLS)/.installed ## Look for known vulnerabilities in the locked dependencies
	@scripts/audit.sh $(TOOLS)/bin/pip-audit requirements*.lock

clean: ## Remove the environments, caches and the demo's data
	@rm -rf $(VENV) $(TOOLS) var/demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
