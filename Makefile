# Works in a fresh clone with make, Python 3.11 or newer and a package index.
# Plain POSIX shell and nothing newer than GNU make 3.81, which macOS ships.

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test lint bench clean

help:
	@echo "make demo    run the demo (ARGS='...' passes arguments)"
	@echo "make test    ruff, mypy and all tests"
	@echo "make lint    ruff and mypy alone"
	@echo "make bench   all benchmarks (ARGS='...' passes arguments)"
	@echo "make clean   remove what was made here, $(VENV) included"
	@echo "PYTHON=...   the Python to make $(VENV) with"

demo: $(VENV)/.has-runtime
	@$(PY) -m examples.demo $(ARGS)

# All of it runs even when one part fails; pytest comes last, so that its closing
# line is the last that is printed.
test: $(VENV)/.has-dev
	@status=0; \
	$(MAKE) --no-print-directory lint || status=1; \
	$(PY) -m pytest $(ARGS) || status=1; \
	exit $$status

lint: $(VENV)/.has-dev
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy

bench: $(VENV)/.has-runtime
	@set -e; for file in benchmarks/bench_*.py; do \
		test -f "$$file" || { echo "no benchmarks/bench_*.py here"; exit 1; }; \
		$(PY) -m "benchmarks.$$(basename "$$file" .py)" $(ARGS); \
	done

clean:
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* \
		.hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The interpreter is order-only: its date is that of the Python it links to.
$(PY):
	@PYTHON="$(PYTHON)" sh scripts/make-venv $(VENV)

$(VENV)/.has-runtime: pyproject.toml | $(PY)
	@echo "installing what the package needs"
	@$(PIP) -e .
	@touch $@

# The development set holds the runtime's: one installation serves both.
$(VENV)/.has-dev: pyproject.toml | $(PY)
	@echo "installing what the tests need"
	@$(PIP) -e '.[dev]'
	@touch $(VENV)/.has-runtime $@
