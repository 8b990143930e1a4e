# Auditor: `make run` and `make test` are all that is needed; `make help` lists the rest.
# Every target makes its own environment in .venv on first use (test-interp in .venv-interp); nothing else is installed into Python.

PY := $(or $(shell command -v python3.11),$(shell command -v python3))
V := .venv
BIN := $(V)/bin
INTERP := .venv-interp
N ?= 2
T ?= tests
INSTALL = UV_FIND_LINKS="$(PIP_FIND_LINKS)" $(BIN)/uv pip install -q --python $(BIN)/python -c constraints.txt
FALLBACK = $(BIN)/python -m pip install -q -c constraints.txt
INTO_INTERP = UV_FIND_LINKS="$(PIP_FIND_LINKS)" $(BIN)/uv pip install -q --python $(INTERP)/bin/python -c constraints.txt
INTERP_FALLBACK = $(INTERP)/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt
APT = $(if $(filter 0,$(shell id -u)),,sudo )apt-get
APT_INSTALL = $(APT) update -q && DEBIAN_FRONTEND=noninteractive $(APT) install -yq --no-install-recommends

unexport PYTHONDONTWRITEBYTECODE  # a dozen processes are started, and each would compile every module again

.DEFAULT_GOAL := help
.PHONY: help run interp shell backup restore test test-team test-interp python js browser lint types format schema bench campaign chromium node

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- Use

run: $(V)/.core  ## the whole product in the foreground, at http://127.0.0.1:8000 (AUDITOR_HOST, AUDITOR_PORT)
	@exec $(BIN)/python manage.py run

interp: $(INTERP)/.done  ## installs what reads models (torch, 1.7 GB) into .venv-interp; `make run` finds it there
	@echo "Installed. A product that runs takes it up within a quarter of a minute."

shell: $(V)/.core  ## Django's shell on the running product's data
	@$(BIN)/python manage.py shell

backup: $(V)/.core  ## database and files into one file (FILE=auditor.backup)
	@$(BIN)/python manage.py backup "$(or $(FILE),auditor.backup)"

restore: $(V)/.core  ## database and files from one file (FILE=auditor.backup), into an empty place
	@$(BIN)/python manage.py restore "$(or $(FILE),auditor.backup)"

# --- Prove

test: $(V)/.dev chromium node lint types js  ## everything: style, types, contracts, JavaScript, Python, browser
	$(BIN)/python -m pytest -n $(N) --dist loadgroup $(T)

test-team: $(V)/.dev  ## the main story on a separately installed PostgreSQL and Redis (Debian's packages)
	@(ls /usr/lib/postgresql/*/bin/postgres && command -v redis-server) >/dev/null 2>&1 \
		|| ($(APT_INSTALL) postgresql redis-server)
	$(BIN)/python -m tests.team.run

test-interp: $(INTERP)/.dev  ## what runs models: judges, probes and dictionaries against tiny models; installs torch into .venv-interp
	$(INTERP)/bin/python -m pytest -n 0 tests/interp

python: $(V)/.dev  ## the Python tests of T=tests/some/path, one process
	$(BIN)/python -m pytest -n 0 -m "not browser" $(T)

js: $(V)/.dev node  ## the JavaScript tests
	node --test tests/js/*.test.js

browser: $(V)/.dev chromium  ## the browser tests, with axe
	$(BIN)/python -m pytest -n 0 -m browser

lint: $(V)/.dev  ## style of code and templates, and what may import what
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	git ls-files -z "templates/*.html" | xargs -0 $(BIN)/djade --check --target-version 5.2
	$(BIN)/lint-imports

types: $(V)/.dev  ## mypy, strict
	$(BIN)/mypy auditor labeling bench

format: $(V)/.dev  ## put the code into the house's form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	git ls-files -z "templates/*.html" | xargs -0 $(BIN)/djade --target-version 5.2

schema: $(V)/.core  ## after a migration was added: record what all of them say to an empty database
	@var=$$(mktemp -d) && { AUDITOR_VAR="$$var" $(BIN)/python manage.py record_schema; done=$$?; rm -rf "$$var"; exit $$done; }

bench: $(V)/.dev $(if $(filter sae,$(ONLY)),$(INTERP)/.dev)  ## speed against the floor (ONLY=import, SIZE=10000); table on stderr, JSON lines on stdout
	@ONLY="$(ONLY)" SIZE="$(SIZE)" $(BIN)/python -m bench

campaign: $(V)/.campaign  ## the long proofs: fuzzing, many seeds, many crashes, many reviewers (ONLY=, SEED=, MINUTES=, TARGETS=)
	@$(BIN)/python -m bench.campaign

# --- What they need

$(V)/bin/python:
	@test -n "$(PY)" && "$(PY)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
		echo "Auditor needs Python 3.11, and here is $$("$(PY)" --version 2>&1 || echo none)."; \
		echo "One of these mends it:  apt-get install python3.11 python3.11-venv   |   uv python install 3.11"; \
		echo "Then, if it is not on the PATH:  make run PY=/path/to/python3.11"; exit 1; }
	@"$(PY)" -m venv $(V) || { echo "The environment could not be made. On Debian: apt-get install python3.11-venv"; exit 1; }

$(V)/.core: pyproject.toml constraints.txt | $(V)/bin/python
	@echo "Installing Auditor into $(V) …"
	@{ $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt uv && $(INSTALL) --compile-bytecode -e .; } \
		|| $(FALLBACK) -e .
	@touch $@

$(V)/.dev: $(V)/.core
	@echo "Installing what the tests need …"
	@$(INSTALL) -e ".[dev]" || $(FALLBACK) -e ".[dev]"
	@touch $@

$(INTERP)/.done: pyproject.toml constraints.txt | $(V)/.core
	@echo "Installing what runs models into $(INTERP) …"
	@test -x $(INTERP)/bin/python || "$(PY)" -m venv $(INTERP)
	@$(INTO_INTERP) -e ".[interp]" || $(INTERP_FALLBACK) -e ".[interp]"
	@touch $@

$(INTERP)/.dev: $(INTERP)/.done
	@echo "Installing what they are tested against …"
	@$(INTO_INTERP) -e ".[dev,interp,interp-oracle]" || $(INTERP_FALLBACK) -e ".[dev,interp,interp-oracle]"
	@touch $@

$(V)/.campaign: $(V)/.dev
	@$(INSTALL) -e ".[campaign]" || $(FALLBACK) -e ".[campaign]"
	@touch $@

chromium:
	@command -v chromium >/dev/null || ($(APT_INSTALL) chromium)

node:
	@command -v node >/dev/null || ($(APT_INSTALL) nodejs)
