# All that is needed is Go and a C compiler. `make help` says what there is.

SHELL := /bin/bash

# DuckDB drivers: the default one and its successor. They cannot be linked together, so a tag decides. The first tag
# keeps a second version of Arrow out of the binary.
TAGS      ?= no_duckdb_arrow
NEXT_TAGS := no_duckdb_arrow duckdb_next
DRIVERS   := "$(TAGS)" "$(NEXT_TAGS)"

# Every test binary with DuckDB in it takes seconds and about a gigabyte to link: no more than two at a time.
GO_TEST := go test -p 2 -timeout 60m

LINT_VERSION := v2.15.0
LINT         := .bin/$(LINT_VERSION)/golangci-lint

# What is compiled or embedded; file names in fixtures may hold blanks, which make cannot.
SOURCES := $(shell find cmd jobs pipeline schemas fixtures/sample -type f -not -name '*_test.go' -not -name '* *') \
           go.mod go.sum

# packages_with finds the packages that have a test of this name, so that no other test binary is linked.
packages_with = $(shell grep -lr '^func $(1)' --include='*_test.go' . | xargs -r -n1 dirname | sort -u)

.PHONY: help build demo test test-default test-next lint bench bench-reconcile bench-small bench-history bench-peers fuzz fuzz-parsers mutants crash \
        kills faults flips nights years cover clean
.DEFAULT_GOAL := help

help: ## say what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-15s %s\n", $$1, $$2}'

build: bin/accrue ## build bin/accrue

bin/accrue: $(SOURCES)
	go build -tags "$(TAGS)" -o $@ ./cmd/accrue

# The same with the driver's successor, for the benchmark.
bin/accrue-next: $(SOURCES)
	go build -tags "$(NEXT_TAGS)" -o $@ ./cmd/accrue

demo: bin/accrue ## write the sample project into demo/ and run its two nights
	@test -e demo/accrue.yaml || bin/accrue init demo
	@bin/accrue --project demo run --date 2026-11-20
	@bin/accrue --project demo run --date 2026-11-21

test: test-default test-next fuzz-parsers lint ## everything that CI runs: all tests on both DuckDB drivers, fuzzing for a while, and lint

test-default: ## all tests on the default driver
	$(GO_TEST) -tags "$(TAGS)" ./...

# The random programs and histories are in full on the default driver; here a fifth or so of them, for the driver's sake.
test-next: ## all tests on the driver's successor
	ACCRUE_FUZZ_N=500 ACCRUE_FUZZ_HISTORIES=60 $(GO_TEST) -tags "$(NEXT_TAGS)" ./...

# The drivers differ in one file; the second look is at that one's package alone.
lint: $(LINT) ## golangci-lint, fetched into .bin/ the first time
	$(LINT) run --build-tags "$(TAGS)" ./...
	$(LINT) run --build-tags "$(NEXT_TAGS)" ./pipeline/warehouse/...

$(LINT):
	GOBIN=$(CURDIR)/.bin/$(LINT_VERSION) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

# The peers are slower or need more memory; by default they have less to do.
PEERS_SIZES := $(or $(BENCH_SIZES),1000000 10000000)
BENCH_SIZES ?= 2000000 20000000
BENCH_DIR   ?= $(CURDIR)/bench

bench: bin/accrue bin/accrue-next ## accrue run on both drivers, a hand-written script and the floor side by side, at BENCH_SIZES transactions
	BENCH_SIZES="$(BENCH_SIZES)" BENCH_DIR="$(BENCH_DIR)" BENCH_ACCRUE="$(CURDIR)/bin/accrue" BENCH_ACCRUE_NEXT="$(CURDIR)/bin/accrue-next" \
		go test -count=1 -v -timeout 4h -tags "$(TAGS) bench" -run '^TestBench$$' ./cmd/internal/bench

bench-reconcile: bin/accrue ## grants held against their acknowledgements, beside the same full outer join by hand
	BENCH_SIZES="$(BENCH_SIZES)" BENCH_DIR="$(BENCH_DIR)" BENCH_ACCRUE="$(CURDIR)/bin/accrue" \
		go test -count=1 -v -timeout 4h -tags "$(TAGS) bench" -run '^TestBenchReconcile$$' ./cmd/internal/bench

bench-small: BENCH_SIZES = 200000 ## the same at 200,000 transactions: for a quick look, not for figures
bench-small: bench

BENCH_DAYS ?= 365
BENCH_DAY  ?= 200000

bench-history: bin/accrue ## what BENCH_DAYS dates of BENCH_DAY transactions cost: in a backfill, as one date, behind a night
	BENCH_DAYS=$(BENCH_DAYS) BENCH_DAY=$(BENCH_DAY) BENCH_DIR="$(BENCH_DIR)" BENCH_ACCRUE="$(CURDIR)/bin/accrue" \
		go test -count=1 -v -timeout 12h -tags "$(TAGS) bench" -run '^TestBenchHistory$$' ./cmd/internal/bench

BENCH_PEERS  ?= 1
BENCH_ROUNDS ?= 1

bench-peers: bin/accrue ## accrue run beside what people use instead, all or BENCH_PEERS of: go expr grule postgres sqlite; the middle of BENCH_ROUNDS
	BENCH_SIZES="$(PEERS_SIZES)" BENCH_PEERS="$(BENCH_PEERS)" BENCH_ROUNDS="$(BENCH_ROUNDS)" BENCH_DIR="$(BENCH_DIR)" BENCH_ACCRUE="$(CURDIR)/bin/accrue" \
		go test -count=1 -v -timeout 12h -tags "$(TAGS) bench" -run '^TestBenchPeers$$' ./cmd/internal/bench

FUZZ_PROGRAMS  ?= 20000
FUZZ_HISTORIES ?= 3000
FUZZ_LOSSES    ?= 200
FUZZ_TIME      ?= 1m

# Every parser of what comes from outside, as package:test.
PARSERS := pipeline/program:FuzzProgram pipeline/cases:FuzzCases pipeline/load:FuzzCSV pipeline/load:FuzzNDJSON \
           pipeline/load:FuzzControl pipeline/emit:FuzzManifest pipeline/load:FuzzAcks

fuzz: FUZZ_TIME = 10m
fuzz: fuzz-parsers ## parsers for ten minutes each (FUZZ_TIME), P5 with 20,000 random programs (FUZZ_PROGRAMS), P3 and P4 with 3,000 histories (FUZZ_HISTORIES), P8 with 200 (FUZZ_LOSSES)
	ACCRUE_FUZZ_N=$(FUZZ_PROGRAMS) go test -count=1 -v -timeout 6h -tags "$(TAGS)" -run '^TestP5' \
		$(call packages_with,TestP5)
	ACCRUE_FUZZ_HISTORIES=$(FUZZ_HISTORIES) go test -count=1 -v -timeout 6h -tags "$(TAGS)" -run '^TestP[34]' \
		$(call packages_with,TestP[34])
	ACCRUE_LOSSES=$(FUZZ_LOSSES) go test -count=1 -v -timeout 6h -tags "$(TAGS)" -run '^TestP8Histories' ./jobs

# Two at a time. Making an input that reaches something new smaller is not worth much time: all inputs are small.
fuzz-parsers: ## each parser with made-up files for a minute (FUZZ_TIME), two at a time
	@printf '%s\n' $(PARSERS) | xargs -P 2 -I{} bash -c 'set -o pipefail; at={}; go test -count=1 -timeout 0 -tags "$(TAGS)" \
		-run "^XXX" -fuzz "^$${at#*:}$$" -fuzztime $(FUZZ_TIME) -fuzzminimizetime 20x -parallel 1 ./$${at%:*} 2>&1 \
		| sed "s/^/$${at#*:}: /" | awk "/elapsed/ {last = \$$0; next} {print} END {print last}"'

mutants: ## plant every fault in the passes, one at a time, and see that it is noticed
	ACCRUE_MUTANTS=. go test -count=1 -v -timeout 2h -tags "$(TAGS)" -run '^TestMutants$$' ./pipeline/evaluate

crash: ## P7: kill the real process at every step of a run
	go test -count=1 -v -timeout 60m -tags "$(TAGS)" -run '^TestP7' $(call packages_with,TestP7)

KILLS  ?= 200
FAULTS ?= 2000

kills: ## P7: SIGKILL at KILLS seeded points, some nights several times
	ACCRUE_KILLS=$(KILLS) go test -count=1 -v -timeout 120m -tags "$(TAGS)" -run '^TestP7KilledAtSeededPoints$$' ./jobs

faults: ## fail every operation on files in turn (FAULTS of each kind at most), in Go and in DuckDB; needs strace
	ACCRUE_FAULTS=$(FAULTS) go test -count=1 -v -timeout 12h -tags "$(TAGS) faults" -run '^TestEveryFileOperationFailsInTurn$$' ./jobs

FLIPS ?= 200

flips: ## one bit flipped, FLIPS times in the warehouse and in each kind of published file: noticed every time
	ACCRUE_FLIPS=$(FLIPS) go test -count=1 -v -timeout 60m -tags "$(TAGS)" \
		-run '^(TestVerifyNamesEveryFlippedBit|TestP8ADamagedWarehouseIsRebuilt)$$' ./pipeline/emit ./jobs

NIGHTS ?= 365

nights: ## NIGHTS nights in one process: resident memory stays within 10 % of what it was after the 30th
	ACCRUE_NIGHTS=$(NIGHTS) go test -count=1 -v -timeout 120m -tags "$(TAGS)" -run '^TestManyNightsInOneProcess$$' ./jobs

YEARS ?= 20

years: ## simulated years of nights in five time zones, with downtime and doubled wakings: YEARS in each
	ACCRUE_YEARS=$(YEARS) go test -count=1 -v -timeout 60m -tags "$(TAGS)" -run '^TestAYearOfNights$$' ./jobs/schedule

cover: ## which statements the tests reach, by function in coverage.txt
	$(GO_TEST) -tags "$(TAGS)" -coverpkg=./... -coverprofile=cover.out ./...
	go tool cover -func=cover.out > coverage.txt
	@tail -n 1 coverage.txt

clean: ## remove what was built, the demo and the benchmark's data
	rm -rf bin demo bench cover.out coverage.txt
