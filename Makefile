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

.PHONY: report test check lint types unit browser lab check-lab filter format docs calibrate calibrate-groups medians bench fuzz
.PHONY: kills hostile textbook mutate coverage faults audit package lock clean

report: $(READY)
	$(BIN)/foxgrape report build lead_times --study $(STUDY) --out reports

test: lint types unit

# Lint, types and the tests that start neither a browser nor a kernel, in under a minute.
check: lint types
	TZ=UTC $(BIN)/python -m pytest -n 2 --dist worksteal -q -m "not slow and not browser" --hypothesis-profile quick tests

# TESTS=tests/test_times.py runs one file.
unit: $(READY) browser
	TZ=UTC $(BIN)/python -m pytest -n 2 --dist worksteal --durations 10 $(TESTS)

# Check style, layers, prose and the workflows.
lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/check_prose.py
	$(BIN)/zizmor --offline --quiet .github/workflows

types: $(READY)
	$(BIN)/mypy

# JupyterLab, without requests for news or updates.
lab: $(READY)
	$(BIN)/jupyter lab --notebook-dir notebooks --LabApp.news_url=None \
	  --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate

# Check that every notebook runs and renders in JupyterLab, without requests to other hosts.
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

# Build the site into build/docs; warnings are errors. Updates the help texts of the commands first.
docs: $(READY)
	$(BIN)/python scripts/write_shell_help.py
	$(BIN)/python scripts/build_codes_page.py
	$(BIN)/python scripts/write_notebooks_page.py
	$(BIN)/python -m sphinx -E -a -W --keep-going -n -q -d build/doctrees docs build/docs
	@echo "build/docs/index.html"

# Measure size and power of the null models; resume an interrupted run; write the page
calibrate: $(READY)
	$(BIN)/python scripts/calibrate.py
	$(BIN)/python scripts/calibrate_repeated.py

# Measure the size of the test by group, and limits of the local null model, in half an hour; resume
# an interrupted run; write the page
calibrate-groups: $(READY)
	$(BIN)/python scripts/calibrate_groups.py

# Measure the coverage of the interval of the median lead; resume an interrupted run; write the table
medians: $(READY)
	$(BIN)/python benchmarks/median_coverage.py

# Compare published numbers with ours; write docs/reference/textbook.md
textbook: $(READY)
	$(BIN)/python scripts/textbook.py

# Measure speed against named peers in one run, in five to ten minutes; write
# docs/explanation/performance.md. SIZE=small takes one or two minutes; writes build/performance.md.
bench: $(READY)
	@mkdir -p build
	TZ=UTC $(BIN)/python -m pytest -c benchmarks/pytest.ini benchmarks --size $(SIZE) --benchmark-json build/bench.json
	$(BIN)/python benchmarks/table.py build/bench.json $(if $(filter full,$(SIZE)),docs/explanation,build)/performance.md

# Fuzz readers, codebooks, names, parameters and schedules for SECONDS each, one target per core.
fuzz: $(STUDIES)
	$(BIN)/python scripts/fuzz.py --seconds $(SECONDS)

# Pass STRINGS hostile texts through readers, stores, studies, pages, downloads, feeds and mails.
hostile: $(READY) browser
	FOXGRAPE_STRINGS=$(or $(STRINGS),300) $(BIN)/python -m pytest -n 0 -q tests/reports/test_hostile_round_trip.py

# Let each system call of each command fail in turn, in an hour or two; see
# docs/explanation/faults.md. SAMPLE=20 tries 20 faults of each command.
faults: $(READY)
	$(BIN)/python scripts/inject_faults.py --write $(if $(SAMPLE),--sample $(SAMPLE))

# Kill the calls of a schedule of 30 entries, then other commands, several at once, KILLS times each
# at random moments, and check what is left. The schedule runs in series of 100 kills with the seeds
# SEED, SEED + 1 and so on. A twentieth of the kills is of a schedule whose report a kernel builds.
kills: $(READY)
	cd tests && ../$(BIN)/python killed_schedule.py $(or $(KILLS),1000) $(or $(SEED),1)
	cd tests && ../$(BIN)/python killed_schedule.py $$(( $(or $(KILLS),1000) / 20 )) $(or $(SEED),1) real
	cd tests && ../$(BIN)/python killed_commands.py $(or $(KILLS),1000) $(or $(SEED),1)

# Mutation tests of linking, lead times and the tests against chance, in about half an hour. Fails
# if the tests detect less than 85% of the mutants of a module.
mutate: $(STUDIES)
	$(BIN)/python scripts/mutate.py

# Branch coverage of statistics and places; fails below 95%.
coverage: $(STUDIES)
	$(BIN)/python scripts/cover.py

$(STUDIES): studies.lock $(READY)
	$(UV) --require-hashes -r studies.lock
	@touch $(STUDIES)

# Check licences and known vulnerabilities of all locked packages. The vulnerabilities come from a
# service; if it cannot be reached or does not know a package, the audit fails and says so.
audit: $(READY)
	$(BIN)/python scripts/check_licences.py
	$(BIN)/uvx --system-certs pip-audit --strict --require-hashes --disable-pip -r requirements.lock

# Test the wheel in separate environments: base, analysis and all extras, with the oldest and the
# newest libraries that the requirements allow. Needs a package index and a few minutes.
package: $(READY)
	$(BIN)/python scripts/check_package.py

# Install exactly the locked packages, with uv, or with pip if uv cannot be installed.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "foxgrape needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Hint: make PYTHON=python3.12")'
	$(PYTHON) -m venv --clear .venv
	@echo "Installing what requirements.lock names; this takes a minute the first time."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) \
	  && $(UV) --require-hashes -r requirements.lock \
	  || $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(READY)

# Browser tests need Chromium: use the installed one, or install one if permitted.
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
