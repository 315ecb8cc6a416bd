# Needs Python 3.11, git and make; what else is missing is installed. `make help` lists what can be done.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules
# Tests start a thousand commands; without byte code each would compile the program anew.
unexport PYTHONDONTWRITEBYTECODE

VENV ?= .venv
# Live tests wait more than they work, so that there are more of them at a time than cores on a small machine.
JOBS ?= 3
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# These come as source alone: plain Python, nothing is compiled.
SOURCES := ncclient,pyeapi
NODE := tests/gitlab/node_modules
# Used by `make lock` alone, in an environment of its own.
PIP_TOOLS := pip-tools==7.6.2
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST := $(BIN)/python -m pytest
UNIT := -m "not live and not slow"
SERVED := -m "live or slow"
# A far time zone, a bare locale, another order of sets, and (by pytest-randomly) another order of tests.
HOSTILE := LANG=C LC_ALL=C TZ=Pacific/Kiritimati PYTHONHASHSEED=4711

# The peers of `make bench` and what draws its picture, in an environment of their own.
PEERS := build/peers
FIGURES := build/bench.json

.PHONY: help demo test unit deep bench bench-million bench-radius bench-sessions bench-online bench-busy bench-rebuild bench-payments bench-nas lint lock clean programs packages venv node

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | sort | while IFS=$$'\t' read -r name text; do printf 'make %-15s %s\n' "$$name" "$$text"; done

demo: programs venv ## the main job on real parts: validate, plan, apply, dial in, change, repair
	@PATH="$(abspath $(BIN)):$$PATH" scripts/demo

# Types are judged by one core: the others begin meanwhile. All workers read all tests, and one compiles them first.
test: packages venv node ## everything: style, types, all tests, of which the unit tests in hostile surroundings
	@$(MAKE) --no-print-directory lint & lint=$$!; trap 'wait $$lint' EXIT; \
	$(PYTEST) --collect-only -qq > /dev/null || true; \
	$(HOSTILE) $(PYTEST) -n $(JOBS) --dist worksteal --clean-tree -q $(UNIT); \
	wait $$lint
	$(PYTEST) -n $(JOBS) --dist worksteal --clean-tree --durations=10 $(SERVED)

unit: programs venv ## the tests that start no server, in under a minute
	$(PYTEST) -n $(JOBS) --dist worksteal $(UNIT)

deep: packages venv node ## the tests that try many things, with ten times as many of them; takes hours
	DEEP=1 $(PYTEST) -n $(JOBS) --dist worksteal --timeout 0 $$(grep -rl 'tests.depth' tests --include='test_*.py')

bench: programs venv $(PEERS)/.installed ## what a change costs with 1 k and 10 k subscribers, beside a script, Ansible and octoDNS
	$(BIN)/python -m tests.bench.scale 1000 10000 --out $(FIGURES) --peers $(PEERS)/bin
	$(PEERS)/bin/python tests/bench/picture.py $(FIGURES) docs/performance.svg

bench-million: programs venv $(PEERS)/.installed ## the same with 100 k and 1 M, this project alone; takes an hour and some GB
	$(BIN)/python -m tests.bench.scale 100000 1000000 --out $(FIGURES)
	$(PEERS)/bin/python tests/bench/picture.py $(FIGURES) docs/performance.svg

bench-radius: programs venv ## authentications a second against a minimal FreeRADIUS, taking turns in one run
	$(BIN)/python -m tests.bench.radius

bench-sessions: programs venv ## a tariff edit that reaches 50,000 who are online, and applies that reach nobody
	$(BIN)/python -m tests.bench.sessions --subscribers 10000 --sessions 50000

bench-online: programs venv ## applies that concern one or nobody while 500,000 are online
	$(BIN)/python -m tests.bench.online

bench-busy: programs venv ## authentications and interim updates while an apply changes everybody
	$(BIN)/python -m tests.bench.busy --subscribers 10000

bench-rebuild: programs venv ## from a RADIUS database that was lost until the last of 100 k can log in again
	$(BIN)/python -m tests.bench.rebuild --subscribers 100000

bench-payments: programs venv ## from a payment to a session that is told, one by one and as a gateway sends them
	$(BIN)/python -m tests.bench.payments --subscribers 10000

bench-nas: programs venv ## a thousand stand-in NAS by threads and by workers, and a plan that asks none of them
	$(BIN)/python -m tests.bench.nas --devices 1000

lint: venv ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# $(call pin,FLAGS,FROM,TO,NOTE)
define pin
@build/lock/bin/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-annotate --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options \
	$(1) --output-file build/lock/constraints.txt $(2)
@{ echo '# $(4), to the byte. Made by `make lock` from $(2); not edited by hand.'; \
	grep -v '^#' build/lock/constraints.txt; } > $(3)
@rm build/lock/constraints.txt
@echo "$(3): $$(grep -c == $(3)) packages"
endef

lock: ## pin every package anew, with hashes, in constraints.txt and for `make bench`
	@python=$$(scripts/python); mkdir -p build; "$$python" -m venv build/lock
	@build/lock/bin/pip --disable-pip-version-check --quiet install '$(PIP_TOOLS)'
	$(call pin,--extra dev --extra distributed --extra pdf,pyproject.toml,constraints.txt,What is installed)
	$(call pin,,tests/bench/requirements.txt,tests/bench/constraints.txt,What the peers of `make bench` run on)

clean: ## remove what make and the tests left; the environment in .venv stays
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find controller tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

programs:
	@scripts/debian-packages

packages:
	@scripts/debian-packages tests

venv: $(STAMP)

node: $(NODE)/.installed

$(NODE)/.installed: tests/gitlab/package.json tests/gitlab/package-lock.json
	@echo "Installing what runs the pipeline into $(NODE)" >&2
	@npm ci --prefix tests/gitlab --silent
	@touch $@

$(PEERS)/.installed: tests/bench/constraints.txt
	@python=$$(scripts/python); "$$python" -m venv $(PEERS)
	@echo "Installing what this is measured against into $(PEERS)" >&2
	@$(PEERS)/bin/python -m pip --disable-pip-version-check --quiet install --only-binary :all: --require-hashes --requirement $<
	@touch $@

$(STAMP): constraints.txt pyproject.toml
	@python=$$(scripts/python); test -x $(BIN)/python || "$$python" -m venv $(VENV)
	@echo "Installing Python packages into $(VENV)" >&2
	@$(PIP) install --use-pep517 --only-binary :all: --no-binary $(SOURCES) --require-hashes --requirement constraints.txt
	@$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@touch $@
