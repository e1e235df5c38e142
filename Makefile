# make demo: set up and show personal search on the embedded database.
# make quick: set up, and check what changed.
# make test: set up and run every check.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# $(call timed,TOOL): run it, and say how long it took.
timed = echo '$(1)'; s=$$(date +%s); $(BIN)/$(1) && echo "  $$(($$(date +%s) - s)) s"
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo serve quick test lint bench samples k8s-check k8s-e2e manifests chart image clean

help:            ## Show what there is to make
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: $(VENV)/base  ## Load the sample and show what a lover and a hater of fantasy see
	$(BIN)/palate demo

serve: $(VENV)/base  ## Answer searches on http://127.0.0.1:8080
	$(BIN)/palate serve

lint: $(VENV)/dev  ## Style, types and the direction of imports
	@$(call timed,ruff check .)
	@$(call timed,ruff format --check .)
	@$(call timed,mypy)
	@$(call timed,lint-imports)

quick: lint      ## Style, types, and the tests of what changed
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.quick

# Two workers share the cores: more threads in each would only get in each other's way.
test: lint       ## Every check and the tests; SLOW=1: also those that train, kill and measure
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --durations 15 $(if $(SLOW),--slow)

bench: $(VENV)/base  ## Measure search and loading on this machine
	$(BIN)/palate bench search
	$(BIN)/palate bench ingest

samples: $(VENV)/dev  ## Rebuild the sample's files from their inputs
	$(BIN)/python -m samples.build catalog
	$(BIN)/python -m samples.build ratings
	$(BIN)/python -m samples.build embeddings

k8s-check: $(VENV)/dev  ## Check the image, the chart, the plain manifests and the way in only
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile tests/kubernetes tests/integration/serve/test_k8s.py

manifests: $(VENV)/dev  ## Make k8s/, the schema and the table of values again from the chart
	$(BIN)/python -m tests.kubernetes.generate

k8s-e2e: $(VENV)/dev  ## Go through docs/kubernetes.md on a kind cluster; needs docker, kind, kubectl, helm
	PATH="$(CURDIR)/$(BIN):$$PATH" tests/kubernetes/e2e.sh

chart:           ## Package the chart into dist/; KEY= and KEYRING= sign it, REGISTRY=oci://... pushes it
	helm package helm/palate --destination dist $(if $(KEY),--sign --key '$(KEY)' --keyring '$(KEYRING)')
	$(if $(REGISTRY),helm push dist/palate-[0-9]*.tgz $(REGISTRY))

image:           ## Build and push IMAGE=... and IMAGE-jobs, with provenance and SBOM
	@test -n '$(IMAGE)' || { echo 'Say which: make image IMAGE=registry.example.com/palate:0.1.0. Nothing was built.' >&2; exit 2; }
	docker buildx build --provenance=mode=max --sbom=true --push --tag $(IMAGE) .
	docker buildx build --provenance=mode=max --sbom=true --push --tag $(IMAGE)-jobs --target jobs .

clean:           ## Remove the environment and caches; data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Palate needs Python 3.11 or newer; name one with make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/base: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --constraint constraints.txt --editable '.[dev,embed,k8s,llm,mcp,spark,train]'
	@touch $@ $(VENV)/base
