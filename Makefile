# One place for every command. CI calls `make test` and nothing else.
#
# All Rust targets share the dev profile and one feature set (`--workspace --bins --tests`), so a cold run compiles each
# dependency once for the tests and checks it once for clippy and rustdoc.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

CARGO ?= cargo
PYTHON ?= python3
export CARGO_TARGET_DIR ?= $(CURDIR)/target
# The binary that the client and fault tests start.
export CEDARKEEP_BIN ?= $(CARGO_TARGET_DIR)/debug/cedarkeep

DENY_VERSION := 0.20.2
DENY_ROOT := $(CURDIR)/.tools/cargo-deny-$(DENY_VERSION)
DENY := $(DENY_ROOT)/bin/cargo-deny
VENV := $(CURDIR)/.venv
CLIENTS := tests/clients

.PHONY: help
help: ## Show this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 24

.PHONY: build
build: ## Build the server and every test, development profile
	$(CARGO) build --locked --workspace --bins --tests

.PHONY: test
test: lint test-rust test-clients ## Everything that CI runs

.PHONY: lint
lint: fmt clippy doc deny ## Formatting, clippy, rustdoc and the dependency rules, warnings denied

.PHONY: fmt
fmt:
	$(CARGO) fmt --all --check

.PHONY: clippy
clippy:
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

.PHONY: doc
doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --workspace

$(DENY):
	$(CARGO) install --quiet --locked --debug --root $(DENY_ROOT) --target-dir $(DENY_ROOT)/build cargo-deny@$(DENY_VERSION)
	rm -rf $(DENY_ROOT)/build

# The advisory database is a download. Where it cannot be had the rest still holds, and the gap is said aloud;
# REQUIRE_ADVISORIES=1 makes it a failure.
.PHONY: deny
deny: $(DENY) ## Licences, sources, bans and (where the database can be fetched) security advisories
	$(DENY) --locked check bans licenses sources
	@if $(DENY) --locked fetch db; then \
		$(DENY) --locked check --disable-fetch advisories; \
	elif [ -n "$${REQUIRE_ADVISORIES:-}" ]; then \
		echo "deny: the advisory database could not be fetched and REQUIRE_ADVISORIES is set" >&2; exit 1; \
	else \
		echo "WARNING: security advisories were NOT checked: the advisory database could not be fetched" >&2; \
	fi

.PHONY: test-unit
test-unit: ## The crates that need no Cedar, SQL or HTTP: seconds
	$(CARGO) test --locked -p cedarkeep-model -p cedarkeep-attest -p cedarkeep-store

.PHONY: postgres
postgres: ## Install Debian's PostgreSQL when it is missing and you may: the tests start a server of their own
	.ci/postgres

# The suites that run on SQLite and once more on PostgreSQL; those that are about both are in the first run.
ON_BOTH := publishing slots decisions drafts bundles rotation kill instances state_machine pipeline auditing

# Without PostgreSQL, CI fails. Elsewhere what needs it is left out, and the gap is said aloud.
.PHONY: test-rust
test-rust: build ## Every Rust suite, on both engines
	@if .ci/postgres; then \
		$(CARGO) test --locked --workspace && \
		env ENGINE=postgres $${KILLS_POSTGRES:+KILLS=$$KILLS_POSTGRES} \
			$(CARGO) test --locked --workspace $(ON_BOTH:%=--test %) -- --skip sqlite_and_postgres; \
	elif [ -n "$${CI:-}" ]; then \
		exit 1; \
	else \
		$(CARGO) test --locked --workspace -- --skip postgres && \
		echo "WARNING: the PostgreSQL engine was NOT tested: there is no PostgreSQL" >&2; \
	fi

$(VENV)/installed: $(CLIENTS)/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: test-clients
test-clients: build $(VENV)/installed ## The built binary, driven by published clients of another language
	$(VENV)/bin/python tests/vectors/check.py
	$(VENV)/bin/python -m pytest $(CLIENTS)

.PHONY: torture
torture: export KILLS ?= 2000
torture: export KILLS_POSTGRES ?= 500
torture: export PIPELINE_KILLS ?= 300
torture: export PIPELINE_CUTS ?= 1000
torture: export ROTATION_KILLS ?= 50
torture: export HISTORIES ?= 1000
torture: export ABORTS ?= 10000
torture: export SEQUENCES ?= 1000
torture: export MUTATIONS ?= 100000
torture: export EXPORT_MUTATIONS ?= 100000
torture: export FILE_MUTATIONS ?= 5000
torture: export CASES ?= 100000
torture: export PROPTEST_CASES ?= 4096
torture: build $(VENV)/installed ## The fault, history, mutation and property tests at their full figures: hours
	$(MAKE) test-rust
	$(VENV)/bin/python -m pytest $(CLIENTS)

.PHONY: bench
bench: ## Criterion benches, release profile
	$(CARGO) bench --locked -p cedarkeep-tests --bench publish --bench decide --bench list

.PHONY: bench-http
bench-http: PROFILE ?= bench
bench-http: ## Decisions over HTTP beside a constant answer; PROFILE=dist as shipped, more settings in tests/benches/http/main.rs
	$(CARGO) bench --locked --profile $(PROFILE) -p cedarkeep-tests --bench http

.PHONY: bench-instances
bench-instances: ## How soon an activation on one instance decides on the others; settings in tests/benches/activation.rs
	$(CARGO) build --locked --release -p cedarkeep-cli
	CEDARKEEP_BIN=$(CARGO_TARGET_DIR)/release/cedarkeep $(CARGO) bench --locked -p cedarkeep-tests --bench activation

.PHONY: bench-noisy
bench-noisy: ## What the decisions of one zone feel of another's validations; settings in tests/benches/noisy.rs
	$(CARGO) build --locked --release -p cedarkeep-cli
	CEDARKEEP_BIN=$(CARGO_TARGET_DIR)/release/cedarkeep $(CARGO) bench --locked -p cedarkeep-tests --bench noisy

.PHONY: openapi
openapi: ## Write schemas/openapi.json anew from the routes
	UPDATE_SNAPSHOTS=1 $(CARGO) test --locked --workspace --test openapi

.PHONY: clean-venv
clean-venv: ## Remove the Python environment of the client tests
	rm -rf $(VENV)
