# `make help` lists the targets. Each target installs what it needs and this machine lacks.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo)
PYTHON := .venv/bin/python

# Other architectures, by Debian's cross compilers and qemu.
ARCHES := aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf
# Not the Python binding, whose tests need a Python of the architecture; not the benchmarks; and not
# the programs of the system tests, as tests/safety/instructions is for x86_64 only.
ARCH_CRATES := -p pegel -p pegel-derive -p pegel-cabi -p pegel-program -p pegel-cli
# Skipped: qemu 7.2 accepts MADV_WIPEONFORK and ignores it. Compile errors do not depend on the
# architecture, and their test needs a cargo inside. A child that a thread forks can hang on a lock
# of qemu before it executes anything: so one test at a time, and none whose threads start programs.
ARCH_SKIP := --test-threads=1 \
	--skip a_forked_child_cannot_publish \
	--skip rejects_invalid_records_with_the_reason \
	--skip no_change_is_lost_when_many_set \
	--skip one_of_many_forms_of_the_same_sequence_wins

MEMCHECK := valgrind -q --error-exitcode=99 --num-callers=20
C_TESTS := $(addprefix tests/languages/test_,matrix.py evolution.py quickstart.py generated.py) \
	$(addprefix tests/safety/test_,bad_boards.py bad_values.py reading.py)
C_ONLY := (c- or gcc or cpp or all_languages or refuse) and not php- and not -php \
	and not python and not rust and not ctypes and not clang

# Ends a step that hangs; long enough for a busy machine.
WATCHDOG := timeout --kill-after=10 3600

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 17

.PHONY: demo
demo: ## Run the solar station, simulated (SPEED=60 REPLAY=file FIRST=1 PORT=8080)
demo: packages-demo library python .venv/station
	@$(PYTHON) station/demo.py $(if $(REPLAY),--replay $(REPLAY)) $(if $(SPEED),--speed $(SPEED)) \
		$(if $(PORT),--port $(PORT)) $(if $(FIRST),--first-start)

.PHONY: station
station: ## Install the solar station on this machine (PORT=/dev/ttyUSB0 METER= LISTEN=80)
station: build deb wheel
	$(AS_ROOT) station/install --port $(or $(PORT),/dev/ttyUSB0) $(if $(METER),--meter $(METER)) \
		$(if $(LISTEN),--listen $(LISTEN)) $(if $(OWNER),--owner $(OWNER))

.PHONY: test
test: packages-test test-rust test-loom test-php test-system ## Run every test

.PHONY: test-quick
test-quick: packages-test cabi python .venv/test ## Run the tests of a change of core/, in a minute
	$(WATCHDOG) cargo test -q --locked -p pegel -p pegel-cabi
	cd php-ffi && PEGEL_EXPECTED_TIER=cdef $(WATCHDOG) phpunit
	$(PYTHON) -m pytest -n 2 -m "not lint" -k "not rust- and not -rust and not wheel" \
		tests/languages/test_matrix.py tests/safety/test_reading.py python/tests

.PHONY: lint
lint: ## Check format, style and types of every language, and the prose
lint: packages-lint library python .venv/station .venv/test .venv/lint
	ci/lint

.PHONY: build
build: ## Build libpegel, the program `pegel`, its bridges and the Python package
build: packages-build library bridges python target/bom/copyright

.PHONY: cabi
cabi: packages-build php-ffi/src/pegel.h
	cargo build --release --locked -p pegel-cabi
	@ln -sf libpegel.so target/release/libpegel.so.1

# PHP's FFI would parse the comments in each request.
php-ffi/src/pegel.h: include/pegel.h
	sed '/^ *\/\//d' $< > $@

.PHONY: library
library: cabi
	cargo build --release --locked -p pegel-cli

# Programs that `pegel` executes in its place, from its own directory.
BRIDGES := mqtt opcua serve

# Built separately: the features that they enable in shared crates would slow down the others.
.PHONY: bridges
bridges: packages-build
	cargo build --profile bridge --locked $(addprefix -p pegel-,$(BRIDGES))
	@cp $(addprefix target/bridge/pegel-,$(BRIDGES)) target/release/

# What the programs and the libraries contain: licences, and a bill of materials.
target/bom/copyright: Cargo.lock packaging/bom
	packaging/bom target/bom pegel-cli pegel-cabi $(addprefix pegel-,$(BRIDGES))

python/copyright: Cargo.lock packaging/bom
	packaging/bom target/bom-python pegel-python
	@cp target/bom-python/copyright $@

.PHONY: python
python: packages-build .venv/build python/copyright
	VIRTUAL_ENV=$(CURDIR)/.venv .venv/bin/maturin develop --release --locked -q -m python/Cargo.toml

.PHONY: wheel
wheel: packages-build .venv/build python/copyright
	.venv/bin/maturin build --release --locked -q -m python/Cargo.toml -o target/wheels

# The Python packages that each kind of work needs, in the project's environment.
.venv/station: station/requirements.txt
.venv/build .venv/test .venv/lint: .venv/%: requirements/%.txt
.venv/station .venv/build .venv/test .venv/lint:
	@test -x $(PYTHON) || /usr/bin/python3 -m venv .venv
	.venv/bin/pip install -q --disable-pip-version-check -r $<
	@touch $@

# musl, as a static glibc loads modules of the machine, which can be of another version.
STATIC := $(shell uname -m)-unknown-linux-musl

.PHONY: static
static: ## Build the program alone, for machines that have nothing else, and measure it
static: library .venv/build
	rustup target add $(STATIC)
	cargo build --profile static --locked --no-default-features --target $(STATIC) -p pegel-cli
	$(PYTHON) bench/program.py target/$(STATIC)/static/pegel
	$(PYTHON) bench/program.py target/release/pegel
	test $$(stat -c %s target/$(STATIC)/static/pegel) -lt 4194304

.PHONY: test-rust
test-rust: packages-build
	$(WATCHDOG) cargo test --workspace --locked

.PHONY: test-loom
test-loom: packages-build
	RUSTFLAGS="--cfg pegel_loom -D warnings" $(WATCHDOG) \
		cargo test --profile bridge --locked --target-dir target/loom -p pegel --test loom

.PHONY: test-php
test-php: packages-test cabi php-ext
	$(WATCHDOG) php-ffi/tests/run
	$(WATCHDOG) php-ext/tests/run

.PHONY: test-system
test-system: packages-test build php-ext .venv/station .venv/test target/promtool
	cargo build --release --locked -p pegel-tests
	$(PYTHON) -m pytest -n 4 --maxschedchunk 1 --durations 20 -m "not lint" tests python/tests

.PHONY: test-systems
test-systems: ## Run README's commands on bare Debians, and the wheel on their Pythons (SYSTEMS=)
test-systems: packages-systems
	ci/test-systems $(SYSTEMS)

.PHONY: test-arches
test-arches: ## Test on aarch64 and armv7 under qemu, with boards that they share with this machine
test-arches: build .venv/test $(ARCHES) test-php-i386 test-php-armhf
	cargo build --release --locked -p pegel-tests
	for size in 16384 65536; do \
		QEMU_PAGESIZE=$$size $(WATCHDOG) tests/arches/cargo aarch64-unknown-linux-gnu \
			test -p pegel --tests -- $(ARCH_SKIP); \
	done
	$(PYTHON) -m pytest tests/arches

# PHP with an int of 32 bits. An x86-64 kernel runs that of i386 itself.
test-php-i386: RUST_TARGET := i686-unknown-linux-gnu
test-php-armhf: RUST_TARGET := armv7-unknown-linux-gnueabihf
.PHONY: test-php-i386 test-php-armhf
test-php-i386 test-php-armhf: test-php-%: packages-arches php-ffi/src/pegel.h
	$(WATCHDOG) tests/arches/cargo $(RUST_TARGET) build -p pegel-cabi --lib
	$(WATCHDOG) tests/arches/php $* $(RUST_TARGET)

.PHONY: $(ARCHES)
$(ARCHES): packages-arches
	$(WATCHDOG) tests/arches/cargo $@ test $(ARCH_CRATES) -- $(ARCH_SKIP)
	tests/arches/cargo $@ build -p pegel-cabi -p pegel-cli -p pegel-tests \
		--bin pegel --bin matrix --lib
	ln -sf libpegel.so target/arches/$@/debug/libpegel.so.1

.PHONY: test-sanitizers
test-sanitizers: ## Test C, PHP, Python and Rust under Valgrind and sanitizers
test-sanitizers: packages-test packages-sanitizers build php-ext .venv/station .venv/test
	cargo build --release --locked -p pegel-tests
	PEGEL_MEMCHECK="$(MEMCHECK)" $(PYTHON) -m pytest -n 2 $(C_TESTS) -k "$(C_ONLY)"
	PEGEL_SANITIZE="-g -fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all" \
		$(PYTHON) -m pytest -n 2 $(C_TESTS) -k "$(C_ONLY)"
	# The machine code that pcre generates reads whole vectors, beyond the end.
	$(WATCHDOG) php-ext/tests/run -m
	cd php-ffi && USE_ZEND_ALLOC=0 $(WATCHDOG) $(MEMCHECK) php -d pcre.jit=0 $$(command -v phpunit)
	# Without numpy, mypy and pip, whose memory is not ours.
	PYTHONMALLOC=malloc $(WATCHDOG) $(MEMCHECK) $(PYTHON) -m pytest python/tests \
		$(addprefix --ignore=python/tests/test_,numpy.py typing.py wheel.py)
	# Without leaks: a forked child exits without its parent's threads, whose memory counts as lost.
	ASAN_OPTIONS=detect_leaks=0 RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address $(WATCHDOG) \
		cargo test --locked --target-dir target/asan --target x86_64-unknown-linux-gnu \
		-p pegel -p pegel-cabi --tests

.PHONY: bench
bench: bench-core bench-languages ## Measure beside other ways; writes bench/RESULTS.md and plots
	cargo run --release --locked -q -p pegel-bench --bin report

.PHONY: bench-quick
bench-quick: packages-bench library ## Print the main table, within a minute once all is built
	cargo build --release --locked -p pegel-bench
	$(WATCHDOG) target/release/compare --quick target/bench/quick/core.jsonl
	target/release/report target/bench/quick target/bench/quick

.PHONY: bench-core
bench-core: packages-bench library
	cargo build --release --locked -p pegel-bench
	$(WATCHDOG) target/release/compare target/bench/core.jsonl
	cargo bench --locked -p pegel-bench

.PHONY: bench-languages
bench-languages: ## Measure PHP, Python and pages beside other ways (QUICK=1)
bench-languages: packages-bench build php-ext .venv/test
	cargo build --release --locked -p pegel-bench
	.venv/bin/pip install -q --disable-pip-version-check -r bench/python/requirements.txt
	for program in instructions python/read php_values web; do \
		PYTHONPATH=bench:tests $(WATCHDOG) $(PYTHON) bench/$$program.py $(if $(QUICK),--quick); \
	done

.PHONY: bench-choosing
bench-choosing: ## Measure what docs/choosing.md compares, in two minutes (QUICK=1)
bench-choosing: packages-bench build .venv/test
	.venv/bin/pip install -q --disable-pip-version-check -r bench/python/requirements.txt
	$(WATCHDOG) $(PYTHON) bench/choosing/choosing.py $(if $(QUICK),--quick)

.PHONY: campaign
campaign: MINUTES ?= 10
campaign: ## Run the long forms of the tests that kill, damage and repeat (MINUTES=10 SEED=n)
campaign: packages-demo build php-ext .venv/test
	cargo build --release --locked -p pegel-tests
	$(WATCHDOG) target/release/instructions
	PYTHONPATH=tests $(WATCHDOG) $(PYTHON) -m safety.campaign.campaign \
		--minutes $(MINUTES) $(if $(SEED),--seed $(SEED))
	$(WATCHDOG) target/release/hostile 10000000 $(SEED)
	PYTHONPATH=tests $(WATCHDOG) $(PYTHON) -m php.requests 100000
	PYTHONPATH=tests $(WATCHDOG) $(PYTHON) -m php.torture 100000 $(SEED)

.PHONY: fuzz
fuzz: MINUTES ?= 10
fuzz: ## Send hostile inputs to all that parses bytes of others (MINUTES=10 TARGETS=)
fuzz: packages-test build .venv/test
	PYTHONPATH=tests $(PYTHON) -m fuzz.fuzz --minutes $(MINUTES) $(TARGETS)

.PHONY: php-ext
php-ext: packages-php-ext cabi target/yyjson ## Build PHP's extension in target/php-ext/
	php-ext/build

target/yyjson: requirements/yyjson.txt .venv/build
	.venv/bin/pip download -q --disable-pip-version-check --no-deps --no-binary :all: \
		--require-hashes -r $< -d target
	mkdir -p $@
	tar -xzf target/yyjson-*.tar.gz -C $@ --strip-components 2 --wildcards '*/yyjson/yyjson.[ch]'
	@touch $@

.PHONY: header
header: ## Write include/pegel.h from the sources
	PEGEL_WRITE_HEADER=1 cargo test -q -p pegel-cabi --test header

.PHONY: install
install: ## Install what `make build` built (PREFIX=/usr/local DESTDIR=)
	PREFIX="$(or $(PREFIX),/usr/local)" packaging/install "$(DESTDIR)"
	$(if $(DESTDIR),,ldconfig)

.PHONY: deb
deb: packages-deb library bridges target/bom/copyright ## Make a Debian package in target/
	packaging/deb

.PHONY: deb-php
deb-php: packages-deb php-ext ## Make a Debian package of PHP's extension in target/
	packaging/deb-php

target/promtool:
	ci/promtool $@

# Debian packages, by the groups of ci/packages.txt.
packages-%:
	@ci/packages $(or $(firstword $(MAKECMDGOALS)),$*) $(sort build $*)

.PHONY: clean
clean: ## Remove what was built
	rm -rf target .venv php-ffi/src/pegel.h python/copyright
