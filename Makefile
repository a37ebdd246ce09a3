# Tieout. `make` lists what can be made.
.DEFAULT_GOAL := help
.PHONY: help run test properties browser pictures crash e2e bench sim sim-night sim-planted mutate format lock clean
SHELL := /bin/sh

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
CODE := tieout connectors mapping sync
PACKAGE := pyproject.toml api.py worker.py

help:  ## Show this list.
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

run: $(VENV)/.installed  ## Run everything here with local vendor servers; Ctrl-C stops it all.
	@exec $(BIN)/tieout up --sandbox

test: $(VENV)/.installed-dev  ## Check format, lint, types and import contracts, then run the tests.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy api.py worker.py
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --dist worksteal --ignore=tests/crash --ignore=tests/browser
	@if PYTHONPATH=. $(BIN)/python -m tests.browser.chromium >/dev/null; then $(BIN)/python -m pytest -n 2 --dist worksteal tests/browser; \
		else echo "Not looked at: the console in a browser, for no Chromium is here. \`make browser\` installs one."; fi

properties: $(VENV)/.installed-dev  ## Property tests with fresh random examples, ten times as many; what fails is printed with its input.
	TIEOUT_EXAMPLES=fresh $(BIN)/python -m pytest -n 2 --dist worksteal -m hypothesis --ignore=tests/crash --ignore=tests/browser

browser: $(VENV)/.installed-dev  ## Every console page in a real Chromium (installed if none is found), zh-CN and en, desk and phone.
	@PYTHONPATH=. $(BIN)/python -m tests.browser.chromium || $(BIN)/python -m playwright install chromium
	$(BIN)/python -m pytest -n 2 --dist worksteal tests/browser

pictures: $(VENV)/.installed-dev  ## Pictures of every console page into var/pictures, to be looked at; and those of the guide anew.
	PYTHONPATH=. $(BIN)/python -m tests.browser.pictures var/pictures
	PYTHONPATH=. $(BIN)/python -m tests.browser.pictures --guide docs/pictures

crash: $(VENV)/.installed-dev  ## Kill the product at every write boundary, on both engines.
	$(BIN)/python -m pytest -n 2 --dist worksteal tests/crash

# SECTION=pull takes one section, FULL=1 the sizes that are published, ARGS= what `python -m bench --help` lists.
bench: $(VENV)/.installed-dev  ## Measure, beside other tools; one table a section, raw results in var/bench.
	$(BIN)/python -m bench $(SECTION) $(if $(FULL),--full) $(ARGS)

# DATA= the folder with highradius and customer_matching; without it invented input is used, and the output says so.
e2e: $(VENV)/.installed-dev  ## Real invoices and names into three vendors, sync on both engines, killed on the way, then the proof.
	PYTHONPATH=. $(BIN)/python -m tests.e2e.run $(if $(DATA),--data $(DATA)) $(ARGS)

SIM = PYTHONHASHSEED=0 PYTHONPATH=. $(BIN)/python -m tests.sim.run
sim: $(VENV)/.installed-dev  ## Seeded worlds with faults: the corpus and 150 fresh ones (WORLDS=300 more); SEED=n replays one.
	$(SIM) $(if $(SEED),--seed $(SEED)) $(if $(STEPS),--steps $(STEPS)) $(if $(WORLDS),--worlds $(WORLDS))

sim-night: $(VENV)/.installed-dev  ## The same with new seeds until Ctrl-C; what fails is shrunk and kept.
	$(SIM) --night --keep

sim-planted: $(VENV)/.installed-dev  ## Plant known defects, one at a time: does the simulator catch them?
	PYTHONHASHSEED=0 PYTHONPATH=. $(BIN)/python -m tests.sim.planted $(NAMES)

# ROOMS="ledger receivables" takes some of them, ARGS=--again what lived in the last run.
mutate: $(VENV)/.installed-dev  ## Small defects by the thousand in the pure rooms: what no test notices is listed.
	PYTHONPATH=. $(BIN)/python -m tests.mutation $(ROOMS) $(ARGS)

format: $(VENV)/.installed-dev  ## Put the code into the common form.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:  ## Write the lock files anew (needs uv).
	@printf 'setuptools>=77\n' > .build.in
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--python-version 3.11 pyproject.toml .build.in -o requirements.lock
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--python-version 3.11 --group dev -c requirements.lock pyproject.toml .build.in -o requirements-dev.lock
	@rm -f .build.in

clean:  ## Remove the environment and caches; data in var/ stays.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Tieout needs Python 3.11 or newer with venv: none was found."; \
		echo "Install one (Debian: apt install python3 python3-venv), or name it: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is too old: Tieout needs Python 3.11 or newer. Name another: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A changed lock is installed again; the stamps say what is installed.
$(VENV)/.installed: requirements.lock $(PACKAGE) | $(VENV)/bin/python
	@test -e $@ || echo "Installing (once; about a minute) …"
	@$(PIP) install -q --require-hashes -r requirements.lock
	@$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@$(PIP) install -q --require-hashes -r requirements-dev.lock
	@touch $@
