# SPDX-License-Identifier: Apache-2.0
# make demo and make test do all set-up on a fresh Debian machine: a virtual environment, the Python
# packages, and the Debian packages (when root; otherwise a list of what to install is printed).

PYTHON ?= python3
VENV   ?= .venv
# extras of pyproject.toml; dependent tests skip with a message when one is left out
EXTRAS ?= all
# board of the demo: host, qemu-cortex-m55, qemu-cortex-m4, qemu-riscv32
BOARD  ?= host
BIN     = $(VENV)/bin
PYTEST  = $(BIN)/python -m pytest

.PHONY: help demo test test-full test-sdk lint examples golden bench setup clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(BIN)/.ready ## virtual environment, Python packages, Debian packages

$(BIN)/.ready: pyproject.toml constraints.txt tools/setup_debian.sh
	@sh tools/setup_debian.sh
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@$(BIN)/python -m compileall -q generator/gen_fw
	@touch $@

demo: $(VENV)/.base ## digits on this computer, or BOARD=qemu-cortex-m55: build, run, predictions
	@sh tools/setup_debian.sh $(BOARD)
	@mkdir -p build
	$(BIN)/python examples/models/drawn_digits.py build/drawn_digits.npy
	$(BIN)/gen-fw examples/models/digits_int8.tflite --board $(BOARD) --name digits \
	    --golden examples/models/digits_int8_golden.npz --labels examples/models/digits_labels.txt \
	    -o build/demo-$(BOARD)
	$(BIN)/gen-fw run build/demo-$(BOARD) --input build/drawn_digits.npy --top 2

# the demo needs the base install only
$(VENV)/.base: pyproject.toml
	@sh tools/setup_debian.sh python
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@$(BIN)/python -m compileall -q generator/gen_fw
	@touch $@

test: setup lint ## the default suite: under 15 minutes on 2 cores
	$(PYTEST) -m 'not full and not sdk' -n auto --dist worksteal

test-full: setup lint ## all matrices, before an issue is closed
	$(PYTEST) -m 'not sdk' -n auto --dist worksteal

test-sdk: setup ## against real vendor trees (IDF_PATH, TFLM_ROOT, ...); writes docs/evidence
	$(PYTEST) -m sdk -rs tests/sdk
	$(BIN)/python tools/render_evidence.py

lint: setup ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

examples: setup ## regenerate the checked-in example projects
	$(BIN)/python tools/regen_examples.py

golden: setup ## regenerate tests/golden
	$(BIN)/python tools/regen_golden.py

bench: setup ## speed and memory, as ratios
	for script in benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done

clean: ## everything that make made
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis
