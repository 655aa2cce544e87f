# Each target does its own set-up. `make` alone lists them. The logic of set-up is in bootstrap/ (standard library only).
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv/bin
# Bytecode is kept, in one place beside the tree: else each of a run's many processes compiles anew what it imports.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache/bytecode
unexport PYTHONDONTWRITEBYTECODE
# Two processes for the tests, each file in one of them: planning queries keeps one core busy, not two. WORKERS=0: just one.
WORKERS ?= 2
IN_PARALLEL := -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: help
help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-13s\033[0m %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: ## .venv and the jars, each checked against its lock, and a JDK; costs nothing the second time
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "setup: there is no $(PYTHON) on the PATH. Cure: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -m bootstrap setup

.PHONY: demo
demo: setup ## broker, ClaimX simulator, both pipelines: a story that must add up
	@$(VENV)/claimx demo $(ARGS)

.PHONY: test
test: setup ## the tests that CI runs; ARGS="-k name" narrows it, WORKERS=0 runs them in one process
	@$(VENV)/python -m pytest $(IN_PARALLEL) $(ARGS)

.PHONY: stories
stories: setup ## every story on the real broker and on tables, also the long ones that make test leaves out
	@$(VENV)/python -m pytest $(IN_PARALLEL) -m "long or not long" tests/e2e tests/integration $(ARGS)

.PHONY: check
check: setup ## format, lint, types, layers, locks
	@$(VENV)/ruff format --check --quiet . || { echo "check: not formatted: run $(VENV)/ruff format" >&2; exit 1; }
	@$(VENV)/ruff check --quiet .
	@$(VENV)/mypy
	@$(VENV)/lint-imports --no-logo
	@$(VENV)/python -m bootstrap check-lock

.PHONY: audit
audit: setup ## known vulnerabilities of the locked packages; asks a service: for a nightly job
	@$(PYTHON) -m bootstrap audit

.PHONY: bench
bench: setup ## the ratios of docs/performance.md; R=R6 for one
	@$(VENV)/python tests/performance/run.py $(R)

.PHONY: faults
faults: setup ## the long fault matrix, then the scenarios; SEED=n RUNS=n, SCENARIO=name for one
	@$(VENV)/python tests/faults/run.py --side-by-side 2 $(if $(SEED),--seed $(SEED)) $(if $(RUNS),--runs $(RUNS)) $(if $(SCENARIO),--scenario $(SCENARIO))

.PHONY: soak
soak: setup ## all jobs for an hour at a steady rate, with restarts: nothing may grow; MINUTES=n
	@$(VENV)/python tests/soak/run.py $(if $(MINUTES),--minutes $(MINUTES)) $(ARGS)

.PHONY: cluster
cluster: setup ## the jobs by spark-submit on a real cluster of two workers; takes some minutes
	@$(VENV)/python -m pytest -rP tests/cluster $(ARGS)

.PHONY: bundle-check
bundle-check: setup ## the Databricks bundle, validated offline
	@$(VENV)/python -m tests.repository.bundle_check

.PHONY: notebooks
notebooks: setup ## opens the notebooks in JupyterLab, on the demo's tables unless CLAIMX_WAREHOUSE names others
	@CLAIMX_WAREHOUSE="$${CLAIMX_WAREHOUSE:-$(CURDIR)/.claimx/demo/warehouse}" $(VENV)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) notebooks $(ARGS)

.PHONY: build
build: setup ## the wheel and the cluster archive in dist/
	@$(VENV)/python -m bootstrap build

.PHONY: lock
lock: ## writes the locks anew from pyproject.toml and jars.lock's coordinates
	@$(PYTHON) -m bootstrap lock

.PHONY: clean
clean: ## what make built and the tools cached; leaves .venv, the cache of jars and .claimx
	@rm -rf dist build spark-warehouse notebooks/spark-warehouse notebooks/.claimx metastore_db derby.log .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . \( -name .venv -o -name .cache -o -name .claimx -o -name .git \) -prune -o -type d -name __pycache__ -exec rm -rf {} +
