# Gatewatch. `make help` lists what can be done.

# Debian packages: libraries to build with, and programs that tests use (and skip with a reason without).
PACKAGES = librdkafka-dev libsimdjson-dev libpcre2-dev libcurl4-openssl-dev libsqlite3-dev libical-dev zlib1g-dev \
           pkg-config kcat openssl python3 python3-cryptography curl sqlite3
# What only the measurements need.
bench: PACKAGES += nginx-light wrk nghttp2-client

# A syslog server, to read what is sent to one.
clients: PACKAGES += rsyslog rsyslog-openssl

# One build for running, testing and measuring: what is tested is what runs.
BUILD = swift build --configuration release
BIN   = .build/release
CLIENTS = $(HOME)/.cache/gatewatch-test-venv

.DEFAULT_GOAL := help
.PHONY: help setup build run test bench fuzz nab clients lint format fixtures docs

help: ## what can be done here
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## install the Debian packages that are missing (as root, or through sudo)
	@missing=""; for package in $(PACKAGES); do \
	    dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	    as=""; [ "$$(id -u)" = 0 ] || as=sudo; \
	    echo "installing$$missing"; \
	    $$as apt-get update -qq && \
	    $$as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi

build: setup ## build everything, tests included
	@$(BUILD) --build-tests

run: build ## seven insiders against everything, on this machine alone: detection, order, refusal
	@$(BIN)/gatewatch demo --once

# Tests of rooms that compute and do not wait. Those that wait for processes, brokers and deadlines come after them: beside them
# they would starve.
COMPUTING = ^(Sigma|Detection|Detectors|AuditEvent|Baseline|Fixtures|FixtureHub|Fuzzing|Calendar)Tests\.

# Without the benchmarks and the fuzzer, which no test runs.
test: setup ## run all tests
	@$(BUILD) --product gatewatch
	@$(BUILD) --product gatewatchPackageTests
	@swift test --configuration release --skip-build --filter '$(COMPUTING)'
	@swift test --configuration release --skip-build --skip '$(COMPUTING)'
	@$(BIN)/gatewatch detectors test

bench: build ## print the figures of docs/design.md §11, each as a ratio taken in one run
	@$(BIN)/gatewatch-bench

nab: build ## score gatewatch baseline on the series of the Numenta Anomaly Benchmark, where they are at hand
	@Benchmarks/nab.sh $(BIN)/gatewatch

fuzz: setup ## damaged input for everything that reads, a minute each; FUZZ="--target rules --seconds 600" for more
	@$(BUILD) --product gatewatch-fuzz
	@$(BIN)/gatewatch-fuzz $(FUZZ)

clients: setup ## make the Python environment with which tests run the real clients of Chroma, MLflow and OpenAI, and read what the hub sends
	@python3 -m venv $(CLIENTS) && $(CLIENTS)/bin/pip install --quiet --requirement Tests/EndToEndTests/clients/requirements.txt

lint: ## check the form of the sources
	@swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks

format: ## bring the sources into form
	@swift format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks

docs: build ## write docs/detectors anew, from the rules
	@$(BIN)/gatewatch detectors docs

fixtures: build ## write fixtures/ anew
	@$(BIN)/gatewatch fixtures --seed 1 --out fixtures
