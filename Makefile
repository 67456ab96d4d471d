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


# How much of a figure is computed, and on what. Results land in build/.
PROFILE ?= quick
DATASET ?=
SEEDS ?= 1
DEVICE ?= auto
STORE := $(if $(DEEPRESHAPE_RUNS),$(abspath $(DEEPRESHAPE_RUNS)),build/runs)
ifdef DEEPRESHAPE_MIRROR
override DEEPRESHAPE_MIRROR := $(abspath $(DEEPRESHAPE_MIRROR))
export DEEPRESHAPE_MIRROR
endif

# A key file holds the hashes of all that a result is made from, and changes only when one of them
# does: neither a clone's times nor a touch makes anything again.
hashes = find $(1) -type f ! -path '*/__pycache__/*' ! -path '*.egg-info/*' -print0 \
  | sort -z | xargs -0 sha256sum
keep-if-equal = if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

FORCE:
build/%.key: FORCE
	@mkdir -p build
	@{ $(call hashes,lib data notebooks/$*.ipynb); echo '$(READY) $(PROFILE) $(DATASET)' \
	  '$(SEEDS) $(DEVICE)'; } > $@.new; $(keep-if-equal)

build/book.key: FORCE
	@mkdir -p build
	@$(call hashes,book ci/build_book.py) > $@.new; $(keep-if-equal)

# Train what the store lacks, then execute the notebook; a failed one stays for the reader.
build/notebooks/%.ipynb build/figures/%.png build/figures/%.svg build/figures/%.csv: \
    build/%.key | $(READY)
	@mkdir -p build/notebooks build/figures build/failed
	@$(BIN)python -m deepreshape run $* --profile '$(PROFILE)' $(if $(DATASET),--data '$(DATASET)') \
	  --seeds '$(SEEDS)' --device '$(DEVICE)' --store '$(STORE)'
	@$(BIN)python -m papermill --no-progress-bar --cwd notebooks notebooks/$*.ipynb \
	  build/failed/$*.ipynb -r profile '$(PROFILE)' -r dataset '$(DATASET)' -r seeds '$(SEEDS)' \
	  -r device '$(DEVICE)' -r store '$(STORE:build/%=../build/%)' >build/failed/$*.log 2>&1 || { \
	    tail -n 15 build/failed/$*.log; \
	    echo "$*: the notebook failed; see build/failed/$*.ipynb"; exit 1; } >&2
	@mv build/failed/$*.ipynb build/notebooks/$*.ipynb
.PRECIOUS: build/%.key build/notebooks/%.ipynb build/figures/%.png build/figures/%.svg build/figures/%.csv

build/book/html/index.html: build/notebooks/fig12.ipynb build/book.key
	@$(BIN)python ci/build_book.py >/dev/null
	@touch $@

.PHONY: reproduce-fig12
reproduce-fig12: $(addprefix build/figures/fig12.,png svg csv)
reproduce-fig12: build/book/html/index.html ## train the networks of Figure 12 and make its page
	@echo "figure  build/figures/fig12.png, build/figures/fig12.svg"
	@echo "numbers build/figures/fig12.csv"
	@echo "page    build/book/html/fig12.html"

.PHONY: book
book: build/book/html/index.html ## build the book; warnings are errors
	@echo "book    $<"

.PHONY: serve
serve: book ## serve the book on localhost, port 8000 (PORT=...)
	$(BIN)python -m http.server --bind 127.0.0.1 --directory build/book/html $(or $(PORT),8000)

.PHONY: notebooks
notebooks: build/notebooks/fig12.ipynb ## execute the notebooks in place, before committing them
	PROFILE='$(PROFILE)' $(BIN)jupyter nbconvert --to notebook --execute --inplace notebooks/*.ipynb

.PHONY: test
test: $(READY) ## run the tests, and the notebooks at their smallest
	$(BIN)python -m pytest
	rm -rf build/smoke
	PROFILE=smoke DEEPRESHAPE_RUNS=../build/smoke FIGURES=../build/smoke $(BIN)python -m pytest \
	  --nbval-lax -o filterwarnings=default -p no:cacheprovider notebooks

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
