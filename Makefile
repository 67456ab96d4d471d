# `make` lists what it can do. The first target that needs the environment sets it up, once.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV ?= .venv
ifeq ($(VENV),none)

# The environment that is already activated, as it is.
READY :=
BIN :=

else

# Unless told otherwise, keep the interpreter of the last set-up: the stamp holds its name.
ifndef PYTHON
PYTHON := $(or $(shell cat $(VENV)/ready-* 2>/dev/null || true),python3.11)
endif

# The stamp is named by what the environment was made from, and where: a touched file or a fresh
# clone's times mean nothing, and a copied checkout does not import the original's library.
MADE_FROM := requirements.txt requirements-lock.txt pyproject.toml ci/setup.py
KEY := $(shell { cat $(MADE_FROM); echo '$(PYTHON) $(CURDIR)'; } | sha256sum | cut -c 1-16)
READY := $(VENV)/ready-$(KEY)
BIN := $(VENV)/bin/

$(READY):
	@'$(PYTHON)' -c '' 2>/dev/null || { echo "set-up: PYTHON=$(PYTHON) does not start;" \
	  "install Python 3.11, or name one, e.g. make setup PYTHON=/usr/bin/python3.11" >&2; exit 1; }
	@'$(PYTHON)' ci/setup.py '$(VENV)' '$@' '$(PYTHON)'

endif

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PYTHON=...  the Python 3.11 to build the environment with (now: $(or $(PYTHON),python))"
	@echo "  VENV=...    its folder (now: $(VENV)); VENV=none uses the activated environment"

.PHONY: setup
setup: $(READY) ## make the virtual environment; the targets below do it by themselves


.PHONY: test
test: $(READY) ## run the tests
	$(BIN)python -m pytest

.PHONY: lint
lint: $(READY) ## check style and types
	$(BIN)python -m ruff check .
	$(BIN)python -m ruff format --check .
	$(BIN)python -m mypy

.PHONY: format
format: $(READY) ## put the code into the one style
	$(BIN)python -m ruff check --fix .
	$(BIN)python -m ruff format .

.PHONY: clean
clean: ## remove build/, keep the environment
	rm -rf build
