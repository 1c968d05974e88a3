# `make` alone lists what there is. Each target says what it needs where that is missing.
.DEFAULT_GOAL := help
.PHONY: help build demo demo-stop test test-fast check fmt clippy doc crds crds-fresh example control-plane scim-server opa bench clean tools
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
CARGO ?= cargo

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: tools ## build the command as target/release/provost
	@$(CARGO) build --release --locked

demo: ## show it in a cluster: a control plane of its own, the operator, a company (KUBECONFIG=… uses another cluster)
	@DEMO_KUBECONFIG="$(if $(filter command line,$(origin KUBECONFIG)),$(KUBECONFIG))" examples/demo/run

demo-stop: ## stop what the demo started
	@examples/demo/run stop

test: tools control-plane scim-server opa ## run all tests
	@$(CARGO) test --quiet --locked --doc
	@$(CARGO) test --quiet --locked --no-fail-fast --lib --test it

test-fast: tools ## run the tests that stand beside the code
	@$(CARGO) test --quiet --locked --lib

check: tools fmt clippy doc crds-fresh ## formatting, lints, documentation, generated files

fmt: tools
	@echo "formatting"
	@$(CARGO) fmt --check

clippy: tools
	@echo "lints"
	@$(CARGO) clippy --quiet --locked --all-targets -- -D warnings

doc: tools
	@echo "documentation"
	@RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --locked --no-deps --lib

crds: tools ## write crds/ anew from the types
	@UPDATE_CRDS=1 $(CARGO) test --quiet --locked --lib api::crds

crds-fresh: tools
	@echo "crds/"
	@$(CARGO) test --quiet --locked --lib api::crds

example: tools ## apply examples/acme: plan, ask, make the accounts
	@$(CARGO) run --quiet --locked -- apply -f examples/acme

control-plane: ## build the Kubernetes API server that tests run against (minutes the first time)
	@tests/control-plane/build

scim-server: ## install the SCIM server that tests run against (half a minute the first time)
	@tests/scim/build

opa: ## build OPA's Go library, which decisions are held beside (two minutes the first time)
	@benches/opa/build

# On one processor, where that can be said: two threads slow each other down. Backtraces would be measured, too.
bench: tools opa scim-server ## measure decide, plan, sweep and SCIM writes; PEOPLE=1000,10000,100000 says for how many
	@$(CARGO) bench --quiet --locked --bench speed --no-run
	@RUST_BACKTRACE=0 $$(command -v taskset >/dev/null && echo taskset -c 0) $(CARGO) bench --quiet --locked --bench speed

clean: tools ## remove what was built and what the example made
	@$(CARGO) clean
	@rm -rf examples/acme/.provost

tools:
	@command -v $(CARGO) >/dev/null || { echo "cargo is missing: install Rust 1.89 or later" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "cc is missing: install a C compiler (Debian: apt-get install build-essential)" >&2; exit 1; }
