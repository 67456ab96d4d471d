# `make` lists what it can do. The first target that needs the environment sets it up, once.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# A shell word, whatever stands in it.
quoted = '$(subst ','\'',$(1))'

# The versions that the pins are for.
PYTHONS := 3.14 3.13 3.12 3.11

VENV ?= .venv
ifeq ($(VENV),none)

# The environment that is already activated, as it is.
READY :=
BIN :=

else

# Unless told otherwise, keep the interpreter of the last set-up: the stamp holds its name. For a
# first one, take the newest on PATH that can make a virtual environment, or that starts at all.
newest = for needs in 'import ensurepip, venv' ''; do for version in $(PYTHONS); do \
  if python$$version -c "$$needs" 2>/dev/null; then echo python$$version; exit; fi; done; done
ifndef PYTHON
PYTHON := $(or $(shell cat '$(VENV)'/ready-* 2>/dev/null || true),$(shell $(newest)),python3)
endif

# The stamp is named by what the environment was made from, and where: a touched file or a fresh
# clone's times mean nothing, and a copied checkout does not import the original's library.
MADE_FROM := requirements.txt requirements-lock.txt pyproject.toml ci/setup.py
KEY := $(shell { cat $(MADE_FROM); echo $(call quoted,$(PYTHON) $(CURDIR)); } | sha256sum | cut -c 1-16)
READY := $(VENV)/ready-$(KEY)
BIN := $(VENV)/bin/

$(READY):
	@'$(PYTHON)' -c '' 2>/dev/null || { echo "set-up: PYTHON=$(PYTHON) does not start;" \
	  "install Python 3.11 to 3.14, or name one, e.g. make setup PYTHON=/usr/bin/python3.13" >&2; \
	  exit 1; }
	@'$(PYTHON)' ci/setup.py '$(VENV)' '$@' '$(PYTHON)'

endif

# No setting, style or start-up file of the user's decides what a page shows.
unexport FIGURES MATPLOTLIBRC MPLBACKEND PYTHONSTARTUP JUPYTER_CONFIG_PATH
export MPLCONFIGDIR := $(CURDIR)/build/settings/matplotlib
export IPYTHONDIR := $(CURDIR)/build/settings/ipython
export JUPYTER_CONFIG_DIR := $(CURDIR)/build/settings/jupyter

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make reproduce-NAME    one page, in seconds; NAME is"
	@echo "    $(EXACT) $(RECORDED) $(WALKED)" | fold -s -w 92 | sed '2,$$s/^/    /'
	@echo
	@echo "  make reproduce-NAME    train what a page draws, then make it; NAME is"
	@echo "    $(TRAINED)" | fold -s -w 92 | sed '2,$$s/^/    /'
	@echo
	@echo "  PYTHON=...  the Python, 3.11 to 3.14, of the environment (now: $(or $(PYTHON),python))"
	@echo "  VENV=...    its folder (now: $(VENV)); VENV=none uses the activated environment"

.PHONY: setup
setup: $(READY) ## make the virtual environment; the targets below do it by themselves


# The pages: EXACT need no training, TRAINED do, RECORDED are read from the repository's records,
# WALKED train something small; PLAIN have no picture.
include ci/contents.mk

# How much of a trained figure is computed, and on what. Results land in build/.
PROFILE ?= quick
DATASET ?=
SEEDS ?= 1
DEVICE ?= auto
PRECISION ?= auto
# What runs are made by: in-turn, side-by-side, ray (RAY_ADDRESS names a cluster); empty: as it fits.
EXECUTOR ?=
# Folders may be named from here, though notebooks run in theirs; make's abspath splits at spaces.
whole = $(if $(filter /% ~%,$(firstword $(1))),,$(CURDIR)/)$(1)
define folder
ifneq ($$($(1)),)
override $(1) := $$(call whole,$$($(1)))
export $(1)
endif
endef
$(foreach name,RUNS MIRROR CACHE,$(eval $(call folder,DEEPRESHAPE_$(name))))
# More networks for the pages that draw what they count: ALSO='HRN-4x6x3x; WRN16x8'
ALSO ?=

# A key file holds the hashes of all that a result is made from, and changes only when one of them
# does: neither a clone's times nor a touch makes anything again.
hashes = find $(1) -type f ! -path '*/__pycache__/*' ! -path '*.egg-info/*' -print0 \
  | sort -z | xargs -0 sha256sum
keep-if-equal = if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
is-trained = $(filter $*,$(TRAINED))
settings = $(if $(is-trained),$(PROFILE) $(DATASET) $(SEEDS) $(DEVICE)) $(ALSO)

FORCE:
build/lib.key: FORCE
	@mkdir -p build
	@{ $(call hashes,lib data); echo '$(READY)'; } > $@.new; $(keep-if-equal)

build/%.key: build/lib.key notebooks/%.ipynb FORCE
	@{ sha256sum $< notebooks/$*.ipynb; echo $(call quoted,$(settings)); } > $@.new
	@$(keep-if-equal)

# Train what the store lacks, then execute the notebook; a failed one stays for the reader.
build/notebooks/%.ipynb build/figures/%.png build/figures/%.svg build/figures/%.csv: \
    build/%.key | $(READY)
	@mkdir -p build/notebooks build/figures build/failed
	@$(if $(is-trained),$(BIN)python -m deepreshape run $* --profile '$(PROFILE)' \
	  $(if $(DATASET),--data '$(DATASET)') --seeds '$(SEEDS)' --device '$(DEVICE)' \
	  --precision '$(PRECISION)' $(if $(EXECUTOR),--executor '$(EXECUTOR)'))
	@$(if $(is-trained),PROFILE='$(PROFILE)' DATASET='$(DATASET)' SEEDS='$(SEEDS)' \
	  DEVICE='$(DEVICE)') $(BIN)python -m papermill --no-progress-bar --cwd notebooks \
	  notebooks/$*.ipynb build/failed/$*.ipynb \
	  $(if $(ALSO),-r also $(call quoted,$(ALSO))) >build/failed/$*.log 2>&1 || { \
	    grep -v '^ ' build/failed/$*.log | tail -n 15; \
	    echo "$*: the notebook failed; see build/failed/$*.ipynb"; exit 1; } >&2
	@mv build/failed/$*.ipynb build/notebooks/$*.ipynb
	@echo "made    $*"
.PRECIOUS: build/%.key build/notebooks/%.ipynb build/figures/%.png build/figures/%.svg build/figures/%.csv

# A page that was not reproduced here is in the book as it was committed. `make book` brings those
# that were up to date, `make reproduce-NAME` its own.
GOALS := $(MAKECMDGOALS:reproduce-%=%)
WANTED := $(filter $(EXACT) $(TRAINED) $(RECORDED) $(WALKED),$(GOALS)) $(if $(filter exact,$(GOALS)),$(EXACT)) \
  $(if $(filter all,$(GOALS)),$(EXACT) $(TRAINED) $(RECORDED) $(WALKED)) \
  $(if $(filter book serve pdf,$(GOALS)),$(patsubst build/notebooks/%.ipynb,%,\
  $(wildcard build/notebooks/*.ipynb)))

build/book.key: build/lib.key $(patsubst %,build/notebooks/%.ipynb,$(sort $(WANTED))) FORCE \
    | $(READY)
	@mkdir -p build/notebooks build/pyodide
	@$(BIN)python ci/page_python.py fetch
	@$(call hashes,book CHANGELOG.md ci/build_book.py ci/page_python.py notebooks build/notebooks \
	  build/pyodide build/lib.key) > $@.new
	@$(keep-if-equal)

build/book/html/index.html: build/book.key | $(READY)
	@$(BIN)python ci/build_book.py >/dev/null
	@touch $@

.PHONY: reproduce-fig12
reproduce-fig12: $(addprefix build/figures/fig12.,png svg csv)
reproduce-fig12: build/book/html/index.html ## train the networks of Figure 12 and make its page
	@$(results)

.PHONY: reproduce-exact
reproduce-exact: build/book/html/index.html ## recompute every page that needs no training
	@echo "book    $<"

.PHONY: reproduce-all
reproduce-all: build/book/html/index.html ## the same for every page, trained ones at PROFILE; -j2 is safe
	@echo "book    $<"

DRAWN := $(filter fig% table%,$(EXACT) $(TRAINED))
.PHONY: figures
figures: $(foreach page,$(DRAWN),build/figures/$(page).svg) ## every figure and table alone, without the book
	@echo "figures build/figures"

# What had a page of its own when the counts of its table stood on another.
reproduce-%-trained:
	@echo "$@: trained and counted are one page now: make reproduce-$*" >&2; exit 2

$(addprefix reproduce-,$(PLAIN)): reproduce-%: build/notebooks/%.ipynb build/book/html/index.html
	@echo "page    build/book/html/$*.html"

reproduce-%: build/figures/%.png build/figures/%.svg build/figures/%.csv build/book/html/index.html
	@$(results)

# Say where the results of the goal reproduce-NAME are.
results = for end in png svg csv; do echo "$$end     build/figures/$(@:reproduce-%=%).$$end"; done; \
  echo "page    build/book/html/$(@:reproduce-%=%).html"

.PHONY: book
book: build/book/html/index.html ## build the book; warnings are errors
	@echo "book    $<"

.PHONY: serve
serve: book ## serve the book on localhost, port 8000 (PORT=...)
	@$(BIN)python ci/serve.py build/book/html $(or $(PORT),8000)

.PHONY: pdf
pdf: book ## print the whole book into one PDF; needs a Chromium
	@$(BIN)python -m ci.pdf build/book/html build/book/deepreshape.pdf

.PHONY: contents
contents: $(READY) ## write the lists of pages, and the README's picture, from the library
	@$(BIN)python -m deepreshape.paper.contents
	@$(BIN)python -m deepreshape.paper.front_page

# What a cell prints comes in pieces, as it happens to be sent; a second pass joins them.
.PHONY: notebooks
notebooks: $(READY) ## execute the notebooks in place, before committing them
	PROFILE='$(PROFILE)' $(BIN)jupyter nbconvert --to notebook --execute --inplace \
	  --ExecutePreprocessor.record_timing=False notebooks/*.ipynb
	$(BIN)jupyter nbconvert --to notebook --inplace --coalesce-streams notebooks/*.ipynb

# A net that the repository ships classifies images: files that are named, or test digits.
IMAGES ?=
MODEL ?= data/models/$(if $(IMAGES),cifar100,digits).safetensors
.PHONY: private-inference
private-inference: $(READY) ## classify images that the server does not see: IMAGES='a.png b.png'
	@$(BIN)python -m deepreshape private '$(MODEL)' --pictures \
	  $(if $(IMAGES),$(foreach file,$(IMAGES),--image '$(file)'),--images 5)

# Some of them: BENCHES='design search'
BENCHES ?= design search train campaign private
ROUNDS_OF_train := 1
ROUNDS_OF_campaign := 1
.PHONY: bench
bench: $(READY) ## time design, training, campaigns, inference, each beside a reference
	@$(foreach name,$(BENCHES),$(BIN)python ci/bench/$(name).py $(ROUNDS_OF_$(name)) &&) true

# SPU has an environment of its own, which the script makes in build/peers: PEERS_PYTHON=... names its
# Python 3.11.
PEERS_PYTHON ?= python3.11
.PHONY: peers
peers: $(READY) ## time SecretFlow SPU beside private inference; minutes, and a download
	@PYTHON='$(PEERS_PYTHON)' $(BIN)python ci/peers/compare.py

# A GPU that is there for minutes: DEVICE=cpu GPU_SIZE=tiny rehearses them.
MINUTES ?= 10
GPU_SIZE ?= paper
.PHONY: gpu-minutes
gpu-minutes: $(READY) ## turn MINUTES=10 on a GPU into records, in build/gpu-minutes.tar.gz
	@$(BIN)python ci/gpu_minutes.py --minutes '$(MINUTES)' --size '$(GPU_SIZE)' \
	  --device '$(if $(filter auto,$(DEVICE)),cuda,$(DEVICE))'

.PHONY: endure
endure: $(READY) ## 1,000 private images, 200 killed parties, 10^6 hostile frames: an hour
	@$(BIN)python ci/endure.py images
	@$(BIN)python ci/endure.py kills
	@HOSTILE_FRAMES=1000000 $(PYTEST) -n 0 tests/private/wire/test_channel.py -k only_what_was_sent

# Test files go to as many processes as there are cores, each on one thread. They start hundreds of
# other processes: each would compile this project anew where Python is told to keep no bytecode. A
# test that hangs ends its process after so many seconds, which says where it was.
TESTERS ?= auto
PYTEST = env -u PYTHONDONTWRITEBYTECODE OMP_NUM_THREADS=1 $(BIN)python -m pytest -n '$(TESTERS)' \
  --dist loadfile -o faulthandler_timeout=900 -o faulthandler_exit_on_timeout=true

# Some of them: TESTS='tests/design tests/test_files.py'; LONG=no leaves out those that take long and
# find on every Python the same, CASES=2 takes of each test two cases.
TESTS ?=
LONG ?= yes
CASES ?=
.PHONY: test-library
test-library: $(READY) ## run the tests without notebooks and browser; TESTS= names some
	$(PYTEST) -m 'not browser and not alone$(if $(filter no,$(LONG)), and not long)' \
	  $(if $(CASES),--cases '$(CASES)') $(TESTS)
	$(PYTEST) -n 0 -m alone $(or $(TESTS),$$(grep -rl --include='*.py' mark.alone tests)) \
	  || [ $$? = 5 ]  # of some tests none may be alone

.PHONY: test-browser
test-browser: $(READY) ## read every page in a Chromium; skipped where there is none
	$(PYTEST) --dist worksteal tests/browser

.PHONY: test
test: test-library ## run the tests, and the notebooks at their smallest
	rm -rf build/smoke
	PROFILE=smoke DEEPRESHAPE_RUNS=$(call quoted,$(CURDIR)/build/smoke) FIGURES=build/smoke $(PYTEST) \
	  --nbval-lax -o filterwarnings=default -p no:cacheprovider notebooks

# Wheels for every Python and every marker, whatever interpreter asks.
.PHONY: pins
pins: $(READY) ## ask the package index whether the pins resolve for each Python
	@mkdir -p build
	@sed 's/ *;.*//' requirements-lock.txt > build/pins.txt
	@printf '%s\n' $(PYTHONS) | xargs -P "$$(nproc)" -I VERSION sh -c '\
	  $(BIN)python -m pip install -qq --dry-run --ignore-installed --only-binary=:all: \
	    --python-version VERSION --target build/nowhere -r build/pins.txt \
	  && echo "Python VERSION: every pin resolves"'

.PHONY: lint
lint: $(READY) ## check style and types
	$(BIN)python -m ruff check .
	$(BIN)python -m ruff format --check .
	$(BIN)python -m mypy

.PHONY: format
format: $(READY) ## put the code into the one style
	$(BIN)python -m ruff check --fix .
	$(BIN)python -m ruff format .

.PHONY: package
package: $(READY) ## build the wheel and the source archive in build/package
	@rm -rf build/package; mkdir -p build
	@$(BIN)python -m build --no-isolation --outdir build/package . >build/package.log 2>&1 \
	  || { tail -n 5 build/package.log >&2; exit 1; }
	@ls build/package/*

.PHONY: clean
clean: ## remove build/, keep the environment
	rm -rf build
