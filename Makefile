# Everything a newcomer types. Each target first makes .venv what requirements.lock says, and does
# so again only after the lock or pyproject.toml has changed. ARGS is passed on: make demo ARGS=--once

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
INSTALLED := .venv/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CAN_RUN := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
CHAOS ?= tests/chaos/storm.py
ARGS ?=

# A part of the suite covers only a part of the code, so the gate holds when ARGS names no part. The
# whole is run by three processes on two cores, each with a broker of its own: half of it is waiting.
GATE = $(if $(ARGS),,--numprocesses=3 --dist=loadfile --no-loadscope-reorder \
	--cov=schemas --cov=pipeline --cov-report=term-missing:skip-covered)

help: ## What can be typed here
	@awk -F ' *## ' '/^[a-z-]+:.* ## / { sub(/:.*/, "", $$1); printf "make %-9s %s\n", $$1, $$2 }' Makefile

demo: $(INSTALLED) ## Watch twenty phases go through Kafka into HTTP calls (ARGS=--once: and stop)
	@$(BIN)/hookline demo $(ARGS)

test: $(INSTALLED) ## Run all tests, with every branch of schemas and pipeline covered
	@$(BIN)/python -m pytest $(GATE) $(ARGS)

check: $(INSTALLED) ## Run what needs no test: style, types, import contracts, generated files
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo 'run: $(BIN)/ruff format' >&2; exit 1; }
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache --no-logo > .venv/lint-imports.txt 2>&1 \
		|| { cat .venv/lint-imports.txt >&2; exit 1; }
	@$(BIN)/python -m schemas.generate --check
	@$(BIN)/python -m agents.reference --check

bench: $(INSTALLED) ## Measure on this machine, in brief, with brokers of its own (ARGS="--rate 500")
	@$(BIN)/python -m tests.benchmarks $(ARGS)

simulate: $(INSTALLED) ## Make ten thousand worlds in virtual time (ARGS="--worlds 500 --first 20000")
	@$(BIN)/python -m tests.simulation $(ARGS)

mutants: $(INSTALLED) ## Break each guard on purpose and see that a test fails (ARGS=--list: which)
	@$(BIN)/python -m tests.mutations --slow $(ARGS)

# make chaos ARGS="--minutes 2 --seed 7"; others: CHAOS="tests/chaos/matcher_gate.py", sender_kill, outage
chaos: $(INSTALLED) ## Kill agents and brokers under load and count what was lost
	@for script in $(CHAOS); do \
		echo "== $$script" && $(BIN)/python -m $$(echo "$${script%.py}" | tr / .) $(ARGS) || exit 1; \
	done

lock: ## Resolve the dependencies of pyproject.toml into requirements.lock (ARGS=--upgrade: newer)
	@test -x .venv/.uv/bin/uv || { python=$$($(find_python)) && "$$python" -m venv .venv/.uv \
		&& .venv/.uv/bin/python -m pip --disable-pip-version-check --quiet install uv; }
	@.venv/.uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--extra dev --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--output-file requirements.lock $(ARGS) pyproject.toml

lock-jars: $(INSTALLED) ## Resolve the embedded broker's jars into agents/broker/jars.lock
	@$(BIN)/python -m agents.broker.relock $(ARGS)

# The first Python that is new enough and able to make an environment (Debian ships venv apart).
define find_python
	for python in $(PYTHON) python3.11 python3.12 python3.13 python3 python3.14; do \
		if "$$python" -c '$(CAN_RUN)' > /dev/null 2>&1; then command -v "$$python"; exit; fi; \
	done; \
	echo 'Hookline needs Python 3.11 or newer with its venv module (Debian: apt install python3 python3-venv).' >&2; \
	echo "Found: $$(python3 --version 2>&1 || true). Another one can be named: make PYTHON=/path/to/python" >&2; \
	exit 1
endef

$(INSTALLED): requirements.lock pyproject.toml
	@$(BIN)/python -c '$(CAN_RUN)' > /dev/null 2>&1 || { \
		python=$$($(find_python)) && echo "Creating .venv with $$python" >&2 && "$$python" -m venv --clear .venv; }
	@echo 'Installing requirements.lock into .venv (about a minute the first time)' >&2
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: help demo test check bench mutants simulate chaos lock lock-jars
