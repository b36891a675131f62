# The usual commands; each is one line that can be typed by hand.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install test lint format lessons frontend lab ci

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: ## the environment, with everything a developer needs
	$(PYTHON) -m venv .venv && $(BIN)/pip install -e ".[dev,oracle]"

test: ## all tests, and what had to be skipped
	$(BIN)/gradviz test

lint: ## ruff, mypy, the layer rule
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: ## let ruff put the files in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lessons: ## build the notebooks from their sources
	$(BIN)/gradviz lessons build

frontend: ## check, test and build the widgets' TypeScript
	cd frontend && npm ci && npm run check && npm test && npm run build

lab: ## open the lessons
	$(BIN)/gradviz lab

ci: ## what continuous integration runs
	.ci/run
