# `make report` and `make test` need Python 3.11, make and a package index, and nothing else.
PYTHON ?= python3
UV_VERSION := 0.13.9
STUDY ?= data/studies/izium-2022
SIZE ?= full

BIN := .venv/bin
UV = VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --system-certs
READY := .venv/.ready
STUDIES := .venv/.studies
SECONDS ?= 600
NOTEBOOKS := $(wildcard notebooks/*.py notebooks/templates/*.py)

.PHONY: report test check lint types unit browser lab check-lab filter format docs calibrate bench fuzz
.PHONY: mutate coverage audit package lock clean

report: $(READY)
	$(BIN)/foxgrape report build lead_times --study $(STUDY) --out reports

test: lint types unit

# Lint, types and the tests that start no browser and no kernel, in about a minute.
check: lint types
	TZ=UTC $(BIN)/python -m pytest -n 2 --dist worksteal -q -m "not slow and not browser" --hypothesis-profile quick tests

# TESTS=tests/test_times.py runs one file.
unit: $(READY) browser
	TZ=UTC $(BIN)/python -m pytest -n 2 --dist worksteal --durations 10 $(TESTS)

# Style, layers, words, and the workflows of the repository.
lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/check_prose.py
	$(BIN)/zizmor --offline --quiet .github/workflows

types: $(READY)
	$(BIN)/mypy

# JupyterLab, which of its own accord asks nobody for news or updates.
lab: $(READY)
	$(BIN)/jupyter lab --notebook-dir notebooks --LabApp.news_url=None \
	  --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate

# Check that every notebook runs and is drawn in a real JupyterLab, without requests to other hosts.
check-lab: $(READY) browser
	$(BIN)/python scripts/check_jupyterlab.py --screenshots build/lab

# In this clone, git strips notebooks of their outputs when they are added; those on disk stay.
filter:
	git config filter.foxgrape-notebooks.clean "$(PYTHON) scripts/strip_outputs.py"
	git config filter.foxgrape-notebooks.required true

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/jupytext --sync $(NOTEBOOKS)

# The site, strictly, into build/docs; what the shell says of itself is asked anew.
docs: $(READY)
	$(BIN)/python scripts/write_shell_help.py
	$(BIN)/python scripts/write_notebooks_page.py
	$(BIN)/python -m sphinx -E -a -W --keep-going -n -q -d build/doctrees docs build/docs
	@echo "build/docs/index.html"

# Size and power of the null models; resumes where it stopped; writes its page
calibrate: $(READY)
	$(BIN)/python scripts/calibrate.py

# How fast it is, against named peers in one run; writes docs/explanation/performance.md, in five to ten minutes.
# SIZE=small takes one or two, and writes build/performance.md.
bench: $(READY)
	@mkdir -p build
	TZ=UTC $(BIN)/python -m pytest -c benchmarks/pytest.ini benchmarks --size $(SIZE) --benchmark-json build/bench.json
	$(BIN)/python benchmarks/table.py build/bench.json $(if $(filter full,$(SIZE)),docs/explanation,build)/performance.md

# Whatever bytes: readers, codebooks, names, parameters and schedules, SECONDS each, a target a core.
fuzz: $(STUDIES)
	$(BIN)/python scripts/fuzz.py --seconds $(SECONDS)

# Small slips put into what links, times leads and judges chance: which does no test notice?
# About half an hour; fails where tests notice fewer than 85 of a hundred in a module.
mutate: $(STUDIES)
	$(BIN)/python scripts/mutate.py

# Which branches of the statistics and of the places no test takes; fails under 95 of a hundred.
coverage: $(STUDIES)
	$(BIN)/python scripts/cover.py

$(STUDIES): studies.lock $(READY)
	$(UV) --require-hashes -r studies.lock
	@touch $(STUDIES)

# Licences of all that is locked, and what is known against it. The second asks a service: where
# that cannot be reached, or does not know a package, the audit fails and says so.
audit: $(READY)
	$(BIN)/python scripts/check_licences.py
	$(BIN)/uvx --system-certs pip-audit --strict --require-hashes --disable-pip -r requirements.lock

# The wheel in environments of its own: base, analysis and all, with the oldest and the newest
# libraries that our bounds allow. Needs a package index, and some minutes.
package: $(READY)
	$(BIN)/python scripts/check_package.py

# The environment: exactly what is locked, by uv, or by pip where uv cannot be had.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "foxgrape needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Hint: make PYTHON=python3.12")'
	$(PYTHON) -m venv --clear .venv
	@echo "Installing what requirements.lock names; this takes a minute the first time."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) \
	  && $(UV) --require-hashes -r requirements.lock \
	  || $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(READY)

# Tests of the page need a browser: take the one that is there, or install one where we may.
browser:
	@sh scripts/find_browser.sh install || echo "No browser: the browser tests will be skipped."

lock: $(READY)
	$(BIN)/uv pip compile pyproject.toml --extra all --group dev --universal --generate-hashes \
	  --no-emit-index-url --no-header --quiet --upgrade --output-file requirements.lock
	$(BIN)/uv pip compile --group studies --constraints requirements.lock \
	  --universal --generate-hashes --no-emit-index-url --no-header --quiet --upgrade \
	  --output-file studies.lock

clean:
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache
