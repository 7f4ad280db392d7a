# Needs git, make and a Python from 3.11 to 3.14; everything else is installed into .venv.

HOST := 127.0.0.1
PORT := 3000
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11 python
PYTEST_ARGS :=
TARGET := csv
RUNS := $(if $(filter bench,$(MAKECMDGOALS)),5,100000)
JOBS :=
BENCH_ARGS := --write

VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALL := $(PYTHON) -m pip install -qq --disable-pip-version-check --constraint constraints.txt
RUN_READY := $(VENV)/.ready-to-run
DEV_READY := $(VENV)/.ready-to-develop

.DEFAULT_GOAL := help
.PHONY: help run test lint format check samples schema fuzz bench lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-8s  %s\n", $$1, $$2}' Makefile

run: $(RUN_READY) ## start Dagster with the imports of this folder (HOST=127.0.0.1 PORT=3000)
	@echo "Dagster is starting at http://$(HOST):$(PORT) and stops with Ctrl-C."
	@DAGSTER_HOME="$$(pwd)" exec $(PYTHON) -W 'ignore:Function `dev_command` is superseded' \
		-m dagster dev --workspace workspace.yaml --host $(HOST) --port $(PORT)

check: $(RUN_READY) ## check every definition in imports/ and project.yaml
	@$(VENV)/bin/import-assets check

test: $(DEV_READY) ## run the tests (PYTEST_ARGS="-k name")
	@# Those of a whole Dagster mostly wait, so they run beside the others; pytest ends with 5 if none is chosen.
	@said=$$(mktemp) && trap 'rm -f $$said' EXIT && trap 'kill $$system; exit 130' INT TERM && \
	{ $(PYTHON) -m pytest -m system $(PYTEST_ARGS) >$$said 2>&1 & } && system=$$! && \
	{ main=0; $(PYTHON) -m pytest --numprocesses auto -m "not system" $(PYTEST_ARGS) || main=$$?; } && \
	{ whole=0; wait $$system || whole=$$?; } && cat $$said && \
	case $$main,$$whole in 0,0|0,5|5,0) ;; *) exit 1 ;; esac

lint: $(DEV_READY) ## check style and types
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m pyright

format: $(DEV_READY) ## put the code into the house style
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

samples: $(PYTHON) ## write the sample shop into shop/ again
	@$(PYTHON) scripts/make_sample_shop.py

schema: $(RUN_READY) ## write the JSON schemas and the generated pages of docs/ again
	@$(PYTHON) -m import_assets.spec.schema
	@$(PYTHON) -m import_assets.cli.reference

fuzz: $(DEV_READY) ## judge bytes at random, led by coverage (TARGET=csv RUNS=100000), see fuzzing/__init__.py
	@$(PYTHON) -c 'import atheris' 2>/dev/null || $(INSTALL) --editable '.[fuzz]'
	@nice -n 19 $(PYTHON) -m fuzzing $(TARGET) --runs $(RUNS)

bench: $(RUN_READY) ## measure imports next to others into docs/benchmarks.md (JOBS="events xml" RUNS=5)
	@$(PYTHON) -c 'import dlt' 2>/dev/null || $(INSTALL) --editable '.[bench]'
	@$(PYTHON) -m benchmarks $(JOBS) --runs $(RUNS) $(BENCH_ARGS)

lock: ## resolve constraints.txt anew; needs uv
	@command -v uv >/dev/null || { echo "make lock needs uv on the PATH" >&2; exit 1; }
	uv pip compile --quiet pyproject.toml --extra dev --extra servers --extra fuzz --extra bench --universal \
		--python-version 3.11 --no-header --no-annotate --no-emit-index-url --no-emit-find-links -o constraints.txt

clean: ## remove .venv and caches; data/, uploads/ and .dagster/ are left alone
	rm -rf $(VENV) build import_assets.egg-info
	rm -rf .pytest_cache .ruff_cache .hypothesis .tmp_dagster_home_*
	find import_assets import_assets_tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN_READY): $(PYTHON) pyproject.toml constraints.txt
	@echo "Installing into $(VENV) ..."
	@$(INSTALL) --editable .
	@touch $@

$(DEV_READY): $(PYTHON) pyproject.toml constraints.txt
	@echo "Installing into $(VENV), with the tools for development ..."
	@$(INSTALL) --editable '.[dev]'
	@touch $(RUN_READY) $@

# Debian has Pythons without ensurepip, pyenv has names that do not run: ask each one.
$(PYTHON):
	@for name in $(PYTHONS); do \
		if $$name -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' \
			>/dev/null 2>&1; then \
			echo "Making $(VENV) with $$($$name --version)"; \
			exec $$name -m venv --clear $(VENV); \
		fi; \
	done; \
	echo "No Python from 3.11 to 3.14 with venv and ensurepip found among: $(PYTHONS)." >&2; \
	echo "Install one (on Debian also python3-venv), or say: make PYTHONS=/path/to/python3" >&2; \
	exit 1
