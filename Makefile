# make help lists the targets.

SHELL := /bin/bash
export PATH := $(PATH):/usr/local/go/bin:/usr/sbin:/sbin
export CGO_ENABLED := 0
export GO ?= go

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/nubo-cloud/nubo/internal/daemon.Version=$(VERSION)
CACHE   := $(CURDIR)/.cache

# Packages whose tests need root, QEMU, nftables or a whole daemon. All others are tested by `make check`.
REAL := ./internal/driver/hypervisor/qemu/... ./internal/driver/fabric/linux/... ./internal/driver/block/file/... ./internal/minimal/... ./test/...
CHAOS := ./internal/testcloud
UNIT   = $(filter-out $(shell $(GO) list $(REAL) $(CHAOS) 2>/dev/null),$(shell $(GO) list ./...))

# How many scenarios with faults and kills `make test` runs on simulated hosts, and how many times it kills the
# daemon beside real guests.
SEEDS ?= 10000
KILLS ?= 200

# What tests of real things are told.
TEST_ENV = NUBO_TEST_REAL=1 NUBO_KILLS=$(KILLS) NUBO_BINARY=$(CURDIR)/bin/nubo NUBO_TEST_IMAGE=$(CACHE)/nubo-minimal.qcow2 \
	NUBO_TEST_KERNEL=$(CACHE)/nubo-minimal.vmlinuz NUBO_TEST_INITRAMFS=$(CACHE)/nubo-minimal.initramfs

.PHONY: help build guest-init lint check unit chaos test real conformance bench demo ready demo-stop packages test-packages image clean
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: guest-init ## bin/nubo
	@mkdir -p bin
	$(GO) build -trimpath -buildvcs=false -ldflags "$(LDFLAGS)" -o bin/nubo ./cmd/nubo

guest-init: # the minimal image's init, which bin/nubo embeds
	@scripts/build-guest-init.sh

lint: # formatting and vet
	@unformatted=$$(gofmt -l cmd internal test); [ -z "$$unformatted" ] || { echo "not formatted, run gofmt -w on:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...

check: build lint ## the quick loop: build, vet, gofmt, tests that need neither root nor guests
	NUBO_SEEDS=60 $(GO) test -short $(UNIT) $(CHAOS)

unit: # the same tests, none left out
	$(GO) test $(UNIT)

chaos: # whole clouds of simulated hosts, with faults and kills by seed
	NUBO_SEEDS=$(SEEDS) $(GO) test -timeout 40m -v -run Chaos $(CHAOS)
	$(GO) test -skip Chaos $(CHAOS)

test: ## everything that proves the project, set-up included (root)
	@for step in test-packages build lint unit chaos real; do \
		began=$$(date +%s); $(MAKE) --no-print-directory $$step || exit 1; \
		echo "==> make $$step: $$(( $$(date +%s) - began )) s"; \
	done

# One package after the other: they share the host's kernel, and two cores. As root: networks and users of guests.
real: build image # tests with real guests, networks and clients
	$(TEST_ENV) $(GO) test -p 1 -timeout 40m $(REAL)

conformance: test-packages build image ## suites that others wrote, whole; numbers into docs/conformance.md (root, an hour)
	@$(TEST_ENV) scripts/conformance.sh

bench: test-packages build image ## every budget beside what is measured
	@$(TEST_ENV) scripts/bench.sh

demo: ready ## a cloud with a first server one can log in to; run again, it starts nothing twice
	@scripts/demo.sh

# Packages are fetched while the program is compiled.
ready:
	@$(MAKE) --no-print-directory -j2 packages build

demo-stop: ## ends the demo; make demo-stop PURGE=1 forgets its state too
	@scripts/demo-stop.sh $(if $(PURGE),--purge)

packages: # Debian packages that running Nubo needs
	@scripts/packages.sh

test-packages: # and those that only tests need
	@scripts/packages.sh --test

image: build # the minimal guest image
	@scripts/minimal-image.sh $(CACHE)

clean: ## what make built
	rm -rf bin $(CACHE)
