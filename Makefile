# Two commands do everything: `make certify` runs the main job on the embedded default, `make test` the self-tests.
# What is installed goes to .venv. Only the ODBC driver manager, which lets SQL Server or its stand-in take part, comes from
# the system; where it is missing and nobody is root, all else works. PYTHON chooses another interpreter, ARGS adds options.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PROVIDER ?= embedded
REQUIRE ?= wire conformant
BIN := .venv/bin

.PHONY: certify test detection pages lint clean driver-manager
DRIVER_MANAGER := unixodbc libgssapi-krb5-2

certify: .venv/embedded driver-manager  ## certify PROVIDER (default: embedded) and require the outcome REQUIRE
	$(BIN)/restoreproof certify --provider $(PROVIDER) --require "$(REQUIRE)" -n 2 $(ARGS)

test: .venv/dev driver-manager  ## run the self-tests
	$(BIN)/python -m pytest selftests -n 2 --dist worksteal $(ARGS)

detection: .venv/dev driver-manager  ## run every defect against every check and write docs/detection.md
	$(BIN)/python selftests/detection.py $(ARGS)

pages: .venv/embedded  ## write docs/vendors from the profiles, the facts and the rules
	$(BIN)/restoreproof profile page --all --output-dir docs/vendors

lint: .venv/dev  ## ruff and mypy
	$(BIN)/tox run -q -e lint,types

driver-manager: .venv/embedded  ## what pyodbc needs of the system: installed if root, else named
	@$(BIN)/python -c 'import pyodbc' 2>/dev/null || \
	if [ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(DRIVER_MANAGER); \
	else \
		echo "make: no SQL Server takes part without a driver manager; on Debian: sudo apt-get install $(DRIVER_MANAGER)" >&2; \
	fi

clean:  ## remove what was installed and written
	rm -rf .venv .tox runs build dist *.egg-info

.venv/embedded: pyproject.toml  # what certifying takes
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or later is needed; install it, or say make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv .venv || { echo "make: $(PYTHON) can't make a virtual environment; install its venv package (Debian: python3-venv)" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[embedded,engine,proxy]'
	@touch $@

.venv/dev: .venv/embedded  # and what our own tests take
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
