# perfd: `make demo` shows what it does, `make test` proves that it does.
# Each target sets up what it needs in .venv first.

VENV   := .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DEV    := $(VENV)/.ready-dev
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help venv dev demo run test slow scenarios soak check fix bench peers clean

help: ## what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): constraints.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): $(READY) constraints-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints-dev.txt
	@touch $@

venv: $(READY) ## what perfd needs to run, in .venv

dev: $(DEV) ## and what its tests need

demo: $(READY) ## the main job: a shop gets slower, perfd finds it, the fix is verified
	$(BIN)/perfd demo --fast --then-fix --exit $(ARGS)

run: $(READY) ## the daemon with its default configuration
	$(BIN)/perfd run --config config/perfd.yaml $(ARGS)

test: $(DEV) ## the tests, on all cores, without the slow ones
	$(BIN)/pytest -n auto $(ARGS)

PURE := tests/detect tests/jobs tests/forward tests/store

slow: $(DEV) ## the slow tests: real processes, real peers, hostile input; what is pure, on all cores
	$(BIN)/pytest -m "slow and not soak" -n auto $(PURE) $(ARGS)
	$(BIN)/pytest -m "slow and not soak" --ignore tests/scenarios $(PURE:%=--ignore %) $(ARGS)

scenarios: $(DEV) ## real life on the whole daemon in virtual time, on all cores: the slow ones
	$(BIN)/pytest -m slow -n auto tests/scenarios $(ARGS)

soak: $(DEV) ## the long ones: kill -9 by the hundred, flipped bits, thousands of histories
	$(BIN)/pytest -m soak $(ARGS)

check: $(DEV) ## style, types, import contracts, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto $(ARGS)

fix: $(DEV) ## format, and mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(DEV) ## every figure that perfd claims, printed by the command that measures it
	$(BIN)/python -m tests.bench $(ARGS)

peers: ## apache-otava and ruptures, which the scan is measured against, in .venv-peers
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r tests/bench/peers.txt

clean: ## remove .venv and what tools left
	rm -rf $(VENV) .venv-peers .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
