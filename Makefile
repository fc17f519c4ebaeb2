# make demo | test | test-slow | lint | bench; each makes its environment first.
PYTHON ?= python3.11
VENV := .venv
RUN := $(VENV)/bin/python
DEMO ?= runs/demo

.PHONY: env demo test test-slow lint format bench clean

env: $(VENV)/.installed

# Rebuilt when a file that decides its content changes; otherwise this costs nothing.
$(VENV)/.installed: setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "error: $(PYTHON) with venv is needed; on Debian 12: apt-get install python3 python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
	  $(RUN) -m pip install --quiet --progress-bar=on -e '.[train,export,live,test]'
	@touch $@

demo: env
	$(RUN) -m export.demo --output=$(DEMO) $(if $(DATA),--data=$(DATA))

test: env
	$(RUN) -m pytest -m "not slow" -n 2 --dist worksteal

test-slow: env
	$(RUN) -m pytest -m slow

lint: env
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

format: env
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

clean:
	rm -rf $(VENV) .venv-* build *.egg-info
