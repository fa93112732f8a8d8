# officesync: `make` lists what can be done. Everything works as root, and as another user with sudo.

PG_CONFIG ?= pg_config
export PG_CONFIG

# The extension is built for one PostgreSQL major version, the one PG_CONFIG names.
PG_FEATURE = pg$(shell $(PG_CONFIG) --version 2>/dev/null | sed -E 's/^[^0-9]*([0-9]+).*/\1/')
TARGET = $(or $(CARGO_TARGET_DIR),target)
BRANCHES ?= 2

# All crates at once, so that what they depend on is built once and not for each of them by itself.
WHOLE = --workspace --features officesync-extension/$(PG_FEATURE),officesync-relay/failpoints
# The crates' own integration tests: those that need no server.
CHEAP = $(notdir $(basename $(wildcard */tests/*.rs)) $(patsubst %/main.rs,%,$(wildcard */tests/*/main.rs)))

# Plain cargo builds the extension: this is all pgrx has to be told.
export PGRX_PG_CONFIG_PATH = $(shell command -v $(PG_CONFIG) 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help deps build sql install demo up down fmt clippy test test-unit test-regress test-e2e test-relay-binary soak \
	bench bench-docs bench-micro bench-count clean \
	docker-build docker-secrets docker-up docker-demo docker-down docker-branch docker-test

help: ## this list
	@echo "officesync: keeps the databases of a head office and its branches the same."
	@echo
	@sed -nE 's/^([a-z0-9-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22
	@echo
	@echo "PG_CONFIG=/path/to/pg_config chooses a PostgreSQL; now: $$($(PG_CONFIG) --version 2>/dev/null || echo none found)"

deps: ## check what is needed, and install the Debian packages that are missing
	@scripts/install-deps.sh

build: deps ## build the extension, the relay and the demo (release)
	cargo build --release --workspace --features officesync-extension/$(PG_FEATURE)

sql: ## assemble the extension's install script from sql/install.order
	@scripts/assemble-sql.sh $(TARGET)

install: build sql ## install the extension into the PostgreSQL of PG_CONFIG
	@scripts/install-extension.sh $(TARGET)

demo: install ## watch three offices, a cut link, and a verdict (about half a minute)
	@$(TARGET)/release/officesync-demo demo

up: install ## start a head office and BRANCHES=2 branches, and leave them running
	@$(TARGET)/release/officesync-demo up $(BRANCHES)

down: ## stop what `make up` started
	@if [ -x $(TARGET)/release/officesync-demo ]; then $(TARGET)/release/officesync-demo down; else echo "Nothing is up."; fi

test: ## all of it: format, lints, unit tests, pg_regress, isolation, end to end
	@scripts/test.sh

fmt:
	cargo fmt --all --check

clippy:
	cargo clippy $(WHOLE) --all-targets -- -D warnings

test-unit: ## unit and property tests of wire, relay, bench and extension
	cargo test $(WHOLE) --lib --bins $(foreach test,$(CHEAP),--test $(test))

test-regress: install ## pg_regress and isolation tests in a private cluster
	@scripts/regress.sh $(TARGET)

# The relay of the fault tests can be told to kill itself at named points. It gets a name of its own, so that a
# plain `cargo build` in between does not take its place. The settings' tests come with it.
test-relay-binary:
	cargo test $(WHOLE) --test settings --no-run
	@cp -f $(TARGET)/debug/officesync-relay $(TARGET)/debug/officesync-relay-failpoints.new
	@mv -f $(TARGET)/debug/officesync-relay-failpoints.new $(TARGET)/debug/officesync-relay-failpoints

test-e2e: install test-relay-binary ## end-to-end tests with faults; TESTS=order:: chooses
	cargo test $(WHOLE) --test e2e -- $(TESTS) --test-threads=3

soak: install test-relay-binary ## the fuzzer for MINUTES=60, and the slow tests
	FUZZ_MINUTES=$(or $(MINUTES),60) cargo test $(WHOLE) --test e2e -- fuzz:: --nocapture
	cargo test $(WHOLE) --test e2e -- --ignored --test-threads=1

# The company in containers: docs/docker.md. DEBIAN=trixie POSTGRES=17 chooses other images.
docker-build: ## build the images: relay, PostgreSQL with the extension, RabbitMQ
	@docker/build.sh

docker-secrets: ## make an authority, certificates and passwords for the company in containers
	@docker/secrets.sh

docker-up: ## build the images and start a head and two branches in containers
	@docker/up.sh

docker-demo: ## traffic there, a branch cut off and joined again, and a verdict
	@docker/demo.sh

docker-branch: ## add a branch to them: NAME=sfax
	@docker/branch.sh "$(NAME)"

docker-down: ## stop them; VOLUMES=yes throws their data away
	@docker/down.sh

docker-test: ## build and try all of that in a company of its own, with kills and intruders
	@OFFICESYNC_DOCKER_TEST=yes docker/test.sh

test-docker-if-ready:
	@docker/test.sh --if-ready

# What `make bench` may be told; what is not said is left to its defaults (`officesync-bench --help`).
BENCH = $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ROWS),--big-rows $(ROWS)) \
	$(if $(BULK),--rows $(BULK)) $(if $(BACKLOG),--backlog $(BACKLOG))

bench: install ## measure against the peers; ONLY=1,5 ROUNDS=3 ROWS=10000000 BACKLOG=200000
	@$(TARGET)/release/officesync-bench $(BENCH)

bench-docs: install ## the same, with pictures and results.md put into docs/performance
	@$(TARGET)/release/officesync-bench $(BENCH) --docs docs/performance

bench-micro: ## the hot loops of the change format alone: a row to its line and back
	cargo bench -p officesync-wire

bench-count: install ## instructions a row there, in capture and in apply, counted by valgrind: no noise
	@scripts/count-instructions.sh $(TARGET)

.PHONY: test-docker-if-ready
clean: down ## remove everything built, and end what an interrupted run left
	@for run in $(TARGET)/e2e/* $${TMPDIR:-/tmp}/officesync-e2e/*; do \
		if [ -d "$$run/pids" ]; then rm -f "$$run/keep"; scripts/reap.sh "$$run" </dev/null; fi; \
	done
	cargo clean
