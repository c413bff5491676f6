# Works in a fresh clone with make, Python 3.11 or newer and a package index.
# Plain POSIX shell and nothing newer than GNU make 3.81, which macOS ships.

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check

# grafana-client brings urllib3-future, whose wheel overwrites urllib3. Built from its
# source with this variable it stays beside it, so that everything else is tested with
# what people have.
PIP_DEV := URLLIB3_NO_OVERRIDE=1 $(PIP) --no-binary urllib3-future

BENCHMARKS := logging spans steal kills dispatch cold_start chaos memory shipping receiving store gateway outage view

.PHONY: help demo test lint bench proof backends page page-check clean

help:
	@echo "make demo      run the demo (ARGS='...' passes arguments)"
	@echo "make test      ruff, mypy and all tests"
	@echo "make lint      ruff and mypy alone"
	@echo "make bench     all benchmarks, quickly (ARGS= for real figures, minutes)"
	@echo "make proof     what Prometheus answers against what the runtime counted"
	@echo "make backends  build the Collector and Prometheus for the tests (needs Go)"
	@echo "make page      check and build the local web page (needs Node 20)"
	@echo "make clean     remove what was made here, $(VENV) included"
	@echo "PYTHON=...     the Python to make $(VENV) with"

demo: $(VENV)/.has-demo
	@$(PY) -m examples.demo $(ARGS)

# All of it runs even when one part fails; pytest comes last, so that its closing
# line is the last that is printed. Where the Collector cannot be built, or npm
# has no packages, the tests that want them are skipped and say so.
test: $(VENV)/.has-dev
	@$(PY) scripts/backends.py build --if-go collector || true
	@$(PY) -m tests.node.packages || true
	@status=0; \
	$(MAKE) --no-print-directory lint || status=1; \
	$(PY) -m pytest $(ARGS) || status=1; \
	exit $$status

lint: $(VENV)/.has-dev
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy

# Quick unless told otherwise; for figures: ARGS= with nothing behind it.
bench: ARGS ?= --quick
bench: $(VENV)/.has-dev
	@set -e; for name in $(BENCHMARKS); do \
		echo; $(PY) -m "benchmarks.$$name" $(ARGS); \
	done

# With the demo; ARGS='--trace FILE' replays a trace. Needs what `make backends` builds.
proof: $(VENV)/.has-dev
	@$(PY) -m benchmarks.proof $(ARGS)

# Kept in the user's cache directory, so built once for all checkouts.
backends: $(VENV)/.has-dev
	@$(PY) scripts/backends.py build

# What users get is committed, so only those who change web/ need this.
page: page-check
	@cd web && npm run build

page-check:
	@cd web && npm ci --silent && npm run --silent check

clean:
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* \
		.hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The interpreter is order-only: its date is that of the Python it links to.
$(PY):
	@PYTHON="$(PYTHON)" sh scripts/make-venv $(VENV)

# With the local page, which is where to look.
$(VENV)/.has-demo: pyproject.toml | $(PY)
	@echo "installing what the package needs"
	@$(PIP) -e '.[view]'
	@touch $@

# The development set holds the demo's: one installation serves both.
$(VENV)/.has-dev: pyproject.toml | $(PY)
	@echo "installing what the tests need"
	@$(PIP_DEV) -e '.[dev]'
	@touch $(VENV)/.has-demo $@
