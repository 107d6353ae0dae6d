# Two commands matter: `make demo` and `make test`. Both set up everything on a machine with Python >= 3.11 and make.
PYTHON ?= python3
UV := .uv/bin/uv
VENV := .venv
RUN := $(VENV)/bin
STAMP := $(VENV)/.ready
ARGS ?=
FRONT := $(shell find app -path app/node_modules -prune -o -type f -print 2>/dev/null)

.PHONY: setup demo test lint lock clean

setup: $(STAMP)

demo: $(STAMP)
	$(RUN)/mainstem demo $(ARGS)

test: $(STAMP)
	$(RUN)/python tests/run.py

lint: $(STAMP)
	$(RUN)/python tests/run.py --lint-only

$(UV):
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv==0.13.9'

$(STAMP): $(UV) pyproject.toml requirements.lock hatch_build.py $(FRONT)
	test -x $(RUN)/python || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	$(UV) pip sync --quiet --python $(RUN)/python --require-hashes requirements.lock
	$(UV) pip install --quiet --python $(RUN)/python --no-deps --editable .
	touch $(STAMP)

lock: $(UV)
	$(UV) pip compile --quiet --universal --python-version 3.11 --group dev --generate-hashes --no-emit-index-url \
		--no-annotate --custom-compile-command 'make lock' --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .uv app/node_modules src/mainstem/share/static
