# Everything runs in .venv, built from the hash-pinned lock file.
PYTHON ?= python3
BIN := .venv/bin
# Whole files are dealt out to the test processes: the tests of a file share an installation. Three
# keep two cores busy, for many of them wait.
TEST_PROCESSES ?= 3
STAMP := .venv/.installed

.PHONY: install test guards guards-list lint format demo chaos lock clean

install: $(STAMP)

$(STAMP): requirements-dev.lock pyproject.toml producers/pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Mailsluice needs Python 3.11 or newer.") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e producers -e .
	touch $@

test: install
	$(BIN)/pytest --numprocesses=$(TEST_PROCESSES) --dist=loadfile

# Takes each guard out and sees that a test fails: some minutes. ONLY="part of a name" chooses.
guards: install
	$(BIN)/python tests/guards/check.py $(if $(ONLY),"$(ONLY)")

guards-list: install
	$(BIN)/python tests/guards/check.py --list

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# KEEP=1 leaves everything running and prints where things are.
demo: install
	$(BIN)/mailsluice demo $(if $(KEEP),--keep)

# make chaos SECONDS=1800 SEED=7 SCENARIO=kill_storm REPORT=report.md: each may be left out.
chaos: install
	$(BIN)/mailsluice chaos $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) \
		$(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(REPORT),--report $(REPORT))

lock: install
	$(BIN)/uv pip compile $(LOCK_FLAGS) --extra sandbox --group dev pyproject.toml -o requirements-dev.lock
	$(BIN)/uv pip compile $(LOCK_FLAGS) --group build pyproject.toml -c requirements-dev.lock -o requirements.lock

LOCK_FLAGS := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --no-annotate --no-emit-package mailsluice

clean:
	rm -rf .venv .sandbox .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
