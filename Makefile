# The same commands for people and for CI. PYTHON chooses the interpreter that makes the .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
STAMP := $(VENV)/.ready-$(VERSION)

.PHONY: help setup demo test test-system lint bench bench-quality bench-governor farm farm-full wheel clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

setup: $(STAMP)  ## a .venv with all that development needs, and the pinned assets

# The stamp is made last, so that what was interrupted is done again. A .venv of another Python, or half of one, is
# made anew. Without the index, what is installed stays as it is and tests whose assets are missing are skipped.
$(STAMP): pyproject.toml edgeseg/tiers/catalogue.yaml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo "edgeseg needs Python 3.10 or newer: install it, or name one: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 2; }
	@test "$$($(BIN)/python -c 'import pip, sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = $(VERSION) || \
	    { echo "setup: making $(VENV)"; $(PYTHON) -m venv --clear $(VENV); }
	@rm -f $(VENV)/.ready*
	@echo "setup: installing packages; the first time takes some minutes"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@echo "setup: fetching models and test pictures"
	@$(BIN)/edgeseg assets fetch >/dev/null || { code=$$?; test $$code -eq 69; }
	@echo "setup: building the model tiers"
	@$(BIN)/python -m quantize build >/dev/null || { code=$$?; test $$code -eq 69; }
	@touch $@

demo: setup  ## cut a person out of a camera's picture, or of a clip where there is no camera
	$(BIN)/edgeseg demo --output demo-output

test: setup  ## all tests; those whose needs are missing say so and are skipped
	$(BIN)/python -m pytest

test-system: setup  ## the service in a container with systemd: install, upgrade, roll back, uninstall; root
	EDGESEG_SYSTEM=1 $(BIN)/python -m pytest -m system

lint: setup  ## ruff, mypy --strict and the import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup  ## edgeseg against MediaPipe, as ratios in one run
	$(BIN)/python -m benchmarks.vs_mediapipe

bench-quality: setup  ## masks with each part added one after the other, and MediaPipe's; the golden sets
	$(BIN)/python -m benchmarks.quality

bench-governor: setup  ## the governor and a rival on a real step load; root, for a control group
	$(BIN)/python -m benchmarks.step_load

farm: setup  ## the golden set on every tier of the farm's devices; see docs/farm.md
	sh tests/lab/setup.sh
	@trap '$(BIN)/python -m tests.lab.farm_lab down' EXIT; trap 'exit 130' INT TERM; \
	    $(BIN)/python -m tests.lab.farm_lab up && $(BIN)/python -m deploy.farm run $(RUN) --report farm-output/report

farm-full: RUN := --full
farm-full: farm  ## all pictures on every device, and an emulated Raspberry Pi 3: hours

wheel: setup  ## dist/*.whl, with the built tiers in it
	$(BIN)/python -m quantize build
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

clean:  ## forget the .venv and everything made
	rm -rf $(VENV) dist build demo-output bench-output farm-output
