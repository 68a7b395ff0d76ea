# The same commands for people and for CI. PYTHON chooses the interpreter that makes the .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.PHONY: setup demo test lint bench farm wheel clean help

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

setup: $(STAMP)  ## a .venv with all that development needs, and the pinned assets

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/edgeseg assets fetch
	touch $(STAMP)

demo: setup  ## cut a person out of a camera's picture, or of a clip where there is no camera
	$(BIN)/edgeseg demo --output demo-output

test: setup  ## all tests; those whose needs are missing say so and are skipped
	$(BIN)/python -m pytest

lint: setup  ## ruff, mypy --strict and the import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup  ## edgeseg against MediaPipe, as ratios in one run
	$(BIN)/python -m benchmarks.vs_mediapipe

farm:  ## the device farm
	@echo "The device farm comes with deploy/farm; it is not built yet." >&2; exit 2

wheel: setup  ## dist/*.whl
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:  ## forget the .venv and everything made
	rm -rf $(VENV) dist build demo-output bench-output
