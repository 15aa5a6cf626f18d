# Each target says what it does and fails loudly. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
VENV := .venv/bin
# One more than there are processors: a quarter of the time a test waits for a host.
WORKERS := $(shell expr $$(nproc) + 1)
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Images of CI often set it; each start of Ansible would then compile all of Ansible anew, a third of its time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo demo-clean check test fuzz bench docs lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## Install system packages (as root) and make .venv/ with fitsom in it
	@scripts/setup

$(VENV)/fitsom: requirements-dev.txt pyproject.toml
	@scripts/setup

demo: $(VENV)/fitsom ## Patch a small school's servers under an approved change, and show the report
	@scripts/demo

demo-clean: ## Remove everything that the demo made: containers, images, records
	@scripts/demo --clean

check: $(VENV)/fitsom ## Lint, types, unit tests (within two minutes)
	@echo "==> lint, types and unit tests by $(WORKERS) workers"
	@pytest -q -n $(WORKERS) --dist loadscope --no-loadscope-reorder tests/contract tests/unit

test: $(VENV)/fitsom ## Everything: check, acceptance, fault, the lab, every role's scenario
	@echo "==> all tests by $(WORKERS) workers, what takes long first: truth, fault, acceptance, attacks, infra, contract, integration, unit"
	@pytest -q --durations=25 -n $(WORKERS) --dist loadscope --no-loadscope-reorder tests/truth tests/fault tests/acceptance tests/attacks tests/infra tests/contract tests/integration tests/unit

fuzz: $(VENV)/fitsom ## Hold the record against made-up playbooks for longer: MINUTES=60 SEED=7
	@echo "==> made-up playbooks for $(or $(MINUTES),60) minutes, seed $(or $(SEED),a new one)"
	@FITSOM_FUZZ_MINUTES=$(or $(MINUTES),60) FITSOM_FUZZ_SEED=$(SEED) pytest -q -s tests/truth

bench: $(VENV)/fitsom ## Measure against bare Ansible and others, over ssh to lab containers
	@scripts/bench

docs: $(VENV)/fitsom ## Write the generated parts of docs/ and of the roles' READMEs
	@scripts/docs

lock: $(VENV)/fitsom ## Resolve the dependencies anew into requirements*.txt (hashes, no index)
	@scripts/lock

clean: ## Remove caches and environments (not the records of a school)
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
