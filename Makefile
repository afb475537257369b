# `make` alone lists what there is. Everything runs in .venv, which is made when it is first needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCALE ?= tiny
export NO_MKDOCS_2_WARNING := 1
# A stamp says which extras are installed, so that a site can be built without torch.
SITE := $(VENV)/.site
LAB := $(VENV)/.lab
DEV := $(VENV)/.dev
PINS := constraints.txt pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help setup verify site serve test check quality spec valid campaign bench coverage clean

help: ## List what make can do
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F '\t' '{printf "  make %-8s %s\n", $$1, $$2}'

verify: $(LAB) ## Rerun the experiments on this machine, refresh verdicts and figures, build the site (SCALE=tiny)
	@# What failed costs the rest nothing, since verdicts and pages tell it; the first code of a failure is that of all.
	@code=0; \
	step() { "$$@" || { failed=$$?; test $$failed -ne 130 || exit 130; test $$code -ne 0 || code=$$failed; false; }; }; \
	step $(BIN)/verify run --scale $(SCALE); \
	step $(BIN)/verify refresh; \
	step $(BIN)/verify verdicts; \
	step $(BIN)/mkdocs build --strict \
		&& echo "the site is in $(CURDIR)/site: open $(CURDIR)/site/index.html, or look at it with make serve"; \
	exit $$code

site: $(SITE) ## Build the site from the evidence at hand; needs no torch
	$(BIN)/verify refresh
	$(BIN)/mkdocs build --strict
	@echo "the site is in $(CURDIR)/site: open $(CURDIR)/site/index.html, or look at it with make serve"

serve: $(SITE) ## Serve the site and follow every edit of a review
	$(BIN)/verify serve

test: $(DEV) ## Run all tests
	$(BIN)/pytest -n 2

check: $(DEV) ## Lint, types, layers, spelling, and every mistake in the reviews
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/verify check

quality: site $(DEV) ## Measure home and every review with Lighthouse, and fail below 95 (needs Node.js and Chromium)
	$(BIN)/python -m tests.lighthouse

spec: $(DEV) ## Hold pages against the examples of the CommonMark specification (needs npm, once)
	$(BIN)/python -m tests.commonmark

valid: site $(DEV) ## Hold the built site against W3C's validator (needs a Java runtime)
	$(BIN)/python -m tests.validity

campaign: $(DEV) ## Kill runs, fill disks, misbehave and break inputs, and fail on any fault (minutes; Linux)
	$(BIN)/python -m tests.campaign

bench: $(DEV) ## Measure this machine and write docs/benchmarks.md
	$(BIN)/python -m benchmarks

coverage: $(DEV) ## Simulate how often the intervals miss, and write the tables in docs/method.md (some minutes)
	$(BIN)/python -m benchmarks.coverage

setup: $(LAB) ## Install everything experiments need into .venv

clean: ## Remove what can be made again, but neither .venv nor what this machine has run
	rm -rf site .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .verify/cache .verify/logs

$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)

$(SITE): $(BIN)/pip $(PINS)
	@echo "installing what the site needs into $(VENV): a minute or two"
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(LAB): $(BIN)/pip $(PINS)
	@echo "installing PyTorch and what experiments need into $(VENV): some minutes"
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[lab]'
	@touch $@ $(SITE)

$(DEV): $(BIN)/pip $(PINS)
	@echo "installing everything, tests and checks too, into $(VENV): some minutes"
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[lab,dev,bench]'
	@touch $@ $(LAB) $(SITE)
