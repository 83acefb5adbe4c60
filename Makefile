# make run     put in place what is missing, build, open the window (without a display: ask recorded questions)
# make test    all tests, also that of the real window, on a screen and sound devices in memory
# make check   formatting, lints, documentation, scripts, length of files, licences and known holes of dependencies
# make bench   measure answers on this computer, the peers in turn with it, two threads; results in target/bench/
# The first build compiles two native engines: about a quarter of an hour on two cores.
# HARK_SETUP=small leaves the real models out, base takes the smaller ones (0.7 GB), full all (1.8 GB).

SHELL := /bin/bash
CARGO ?= cargo
HARK = $(or $(CARGO_TARGET_DIR),target)/release/hark
# Each test thread may hold an engine; more than four only fight for memory.
TEST_THREADS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n > 4 ? 4 : n)))

.PHONY: help run setup test check shell-checks bench

help:
	@sed -n 's/^# make /make /p' Makefile

setup:
	@scripts/setup

run: setup
	$(CARGO) build --release --locked
	@scripts/models "$${HARK_SETUP:-full}" --program "$(HARK)" || echo "models: going on with the models that are there; try again: make run"
	@if [ "$$(uname -s)" = Linux ] && [ -z "$$DISPLAY$$WAYLAND_DISPLAY" ]; then \
	    echo "There is no display here, so no window: these are questions from recordings instead."; \
	    scripts/demo "$(HARK)"; \
	else \
	    "$(HARK)"; \
	fi

test: shell-checks
	@scripts/setup --tests
	$(CARGO) test --release --locked --no-run
	@scripts/models "$${HARK_SETUP:-base}" --program "$(HARK)" || echo "models: going on without the real models"
	$(CARGO) test --release --locked -- --test-threads=$(TEST_THREADS)

check: shell-checks
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --release --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --locked --no-deps
	@scripts/deny

shell-checks:
	@for script in scripts/* .ci/run; do \
	    case $$(head -n 1 "$$script") in *python3) python3 -c "import ast, sys; ast.parse(open(sys.argv[1]).read())" "$$script" ;; *) bash -n "$$script" ;; esac || exit 1; done; sh -n training/run_all.sh
	@scripts/file-lengths

# What cannot be made or installed is said, and the bench says what it could not measure.
bench: setup
	$(CARGO) build --release --locked
	@scripts/bench-models || echo "bench: going on without the models of true shape"
	@scripts/bench-peers || echo "bench: going on without the peers"
	@scripts/bench
