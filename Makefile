# The index of what one can do here; `make help` prints it.
.DEFAULT_GOAL := help
.PHONY: help demo test test-peers test-cluster test-installs test-journeys test-pages lint format docs site links dist bench constraints clean

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
PEER_BIN := .venv-bench/bin
PEERS := .venv-bench/ready

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */make \1\t/' | expand -t 20

# Everything that the tests, the demo and the checks need, with uv where it is there. torch first
# and by pip, which is set up to find the build that fits the machine; nothing replaces it later.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "reassess needs Python 3.11 or newer; name one: make PYTHON=python3.11 ..." >&2; exit 2; }
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --clear --python "$$(command -v $(PYTHON))" .venv && \
		$(BIN)/python -m ensurepip >/dev/null && \
		$(BIN)/python -m pip install --quiet -c constraints.txt torch && \
		uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[all,train,zoo,ray]' --group dev --group docs; \
	else \
		$(PYTHON) -m venv .venv && \
		$(BIN)/python -m pip install --quiet --upgrade pip && \
		$(BIN)/python -m pip install --quiet -c constraints.txt torch && \
		$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[all,train,zoo,ray]' --group dev --group docs; \
	fi
	@touch $@

demo: $(READY) ## a whole study on handwritten digits; says where the report lies
	@$(BIN)/reassess demo

test: $(READY) ## all tests; those on published data need REASSESS_DATA
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 --dist worksteal $(TESTS)

# The libraries that people train with, in an environment of their own; torch first, so that no
# other build replaces it. What cannot be installed is said, and its tests are skipped.
WITH_BIN := .venv-peers/bin
WITH := .venv-peers/ready
$(WITH): pyproject.toml
	@test -x $(WITH_BIN)/python || $(PYTHON) -m venv .venv-peers
	@$(WITH_BIN)/python -m pip install --quiet -c constraints.txt torch
	@$(WITH_BIN)/python -m pip install --quiet -c constraints.txt -e '.[study,train]' pytest
	@for one in torchvision timm torchmetrics lightning transformers accelerate datasets keras crowd-kit; do \
		$(WITH_BIN)/python -m pip install --quiet -c constraints.txt $$one || \
			echo "$$one could not be installed: its tests are skipped" >&2; \
	done
	@touch $@

test-peers: $(WITH) ## drop-in metrics and data sets in loops of timm, Lightning and Transformers
	@PYTHONPATH=. $(WITH_BIN)/python -m pytest -c tests/peers/pytest.ini tests/peers
	@$(WITH_BIN)/python scripts/last_passed.py peers --write

test-cluster: $(READY) ## two Ray nodes on this machine: the same bytes, and nodes that are lost
	@PYTHONPATH=. $(BIN)/python -m pytest -c tests/cluster/pytest.ini --rootdir . tests/cluster
	@$(BIN)/python scripts/last_passed.py cluster --write

test-installs: $(READY) ## each extra alone, lowest and newest versions, each Python that is here
	@$(BIN)/python tests/installs/check.py
	@$(BIN)/python scripts/last_passed.py installs --write

test-journeys: $(READY) ## four readers, each from a bare environment to their result, by the docs' blocks
	@$(BIN)/python tests/journeys/run.py $(JOURNEYS)
	@test -n "$(JOURNEYS)" || $(BIN)/python scripts/last_passed.py journeys --write

test-pages: $(READY) ## the pages of the docs that are walked whole, command by command
	@$(BIN)/python -m pip install --quiet -c constraints.txt scikit-image  # photographs of the gallery
	@$(BIN)/python tests/journeys/every_page.py $(PAGES)
	@test -n "$(PAGES)" || $(BIN)/python tests/journeys/installing.py
	@test -n "$(PAGES)" || PYTHONPATH=. $(BIN)/python -m pytest -c tests/cluster/pytest.ini --rootdir . tests/journeys/cluster_page.py

lint: $(READY) ## style, spelling, types and the layers of the house
	@$(BIN)/ruff check .
	@$(BIN)/codespell *.md docs src examples scripts benchmarks
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(READY) ## put the code into shape
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

docs: $(READY) ## write the generated pages: docs/cli.md
	@$(BIN)/python scripts/write_cli_reference.py

# Strict: a warning fails. Needs neither a network nor PyTorch; takes 39 s of one core (2026-11-30,
# 60 pages). Pages of modules that are gone go, too.
site: $(READY) ## the documentation as a site, in build/site
	@rm -rf docs/api build/site build/doctrees
	@$(BIN)/python -m sphinx -q -W --keep-going -b html -d build/doctrees docs build/site
	@echo "build/site/index.html"

links: $(READY) ## ask for every address that the docs link to; skipped without a network
	@$(BIN)/python scripts/check_links.py $(LINKS)

dist: $(READY) ## build wheel and archive as a release has them, and check them
	@rm -rf build/dist
	@$(BIN)/uv build -q -o build/dist
	@$(BIN)/twine check --strict build/dist/*

bench: $(PEERS) $(READY) ## every benchmark, ours beside a peer; needs REASSESS_DATA
	@$(PEER_BIN)/python benchmarks/em.py
	@$(PEER_BIN)/python benchmarks/scoring.py
	@$(PEER_BIN)/python benchmarks/proposals.py
	@$(PEER_BIN)/python benchmarks/model_choice.py
	@$(PEER_BIN)/python benchmarks/task_groups.py
	@$(PEER_BIN)/python benchmarks/missing_labels.py
	@$(PEER_BIN)/python benchmarks/proposal_rules.py
	@$(PEER_BIN)/python benchmarks/adaptive_replay.py
	@$(PEER_BIN)/python benchmarks/rating_queue.py
	@$(PEER_BIN)/python benchmarks/bootstrap.py
	@$(PEER_BIN)/python benchmarks/truth_inference.py
	@$(PEER_BIN)/python benchmarks/interval_coverage.py --studies 200 --resamples 40 --world base \
		--world "strong models" --world "raters err together" --world "10 % of skipped wrong"
	@$(PEER_BIN)/python benchmarks/swap_probabilities.py --studies 2 --splits 1 --world base \
		--world "raters err together"
	@$(BIN)/python benchmarks/training.py

# The peers live in an environment of their own; torch first, so that no other build replaces it.
$(PEERS): pyproject.toml constraints.txt
	@$(PYTHON) -m venv .venv-bench
	@$(PEER_BIN)/python -m pip install --quiet --upgrade pip
	@$(PEER_BIN)/python -m pip install --quiet -c constraints.txt torch
	@$(PEER_BIN)/python -m pip install --quiet -c constraints.txt -e '.[all]' --group bench
	@touch $@

constraints: $(READY) ## pin the newest versions that fit together (needs uv)
	@printf 'torch==2.13.0\ntorchvision==0.28.0\n' > .venv/torch.txt
	@uv pip compile --quiet --universal --python-version 3.11 --all-extras --group dev --group docs \
		-c .venv/torch.txt --no-annotate --no-header --no-emit-index-url --upgrade \
		pyproject.toml -o constraints.txt

clean: ## remove what the commands above made
	rm -rf .venv .venv-bench .venv-peers demo docs/api build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
