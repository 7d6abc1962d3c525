# Everything that a newcomer needs; `make help` tells. Each target installs what it lacks.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

ROOT_RUN := $(if $(filter 0,$(shell id -u)),,sudo)
PYTHON := .venv/bin/python

# What Debian 12 with Rust lacks.
PACKAGES := gcc libc6-dev php-cli php-fpm php-mbstring nginx-light python3-venv
TEST_PACKAGES := $(PACKAGES) binutils clang g++ iproute2 mosquitto openssl php-codesniffer php-xml phpunit \
	apache2-utils curl systemd libfcgi-bin chromium strace util-linux php-symfony-framework-bundle php-symfony-yaml \
	php-illuminate-routing php-illuminate-http php-illuminate-events php-vlucas-phpdotenv

# Redis is in redis-tools, too, which starts no server for the whole machine.
BENCH_PACKAGES := $(PACKAGES) mosquitto python3-dev php-apcu php-redis php-sqlite3 redis-tools valgrind wrk

# Other architectures: Debian's compilers, and qemu to run what they make.
ARCHES := aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf
ARCH_PACKAGES := $(PACKAGES) util-linux rustc-web gcc-aarch64-linux-gnu libc6-dev-arm64-cross \
	gcc-arm-linux-gnueabihf libc6-dev-armhf-cross qemu-user-static
# Without Python's binding, whose tests need a Python of the architecture, the benchmarks, and the
# programs of the system tests, of which tests/instructions is for x86_64 alone.
ARCH_CRATES := -p pegel -p pegel-derive -p pegel-cabi -p pegel-cli
# qemu 7.2 says yes to MADV_WIPEONFORK and does nothing; what the compiler refuses is no matter of
# the architecture, and needs a cargo inside.
# A child that one of many threads forks may hang on a lock of qemu's own before it executes anything:
# so one test at a time, and none whose threads start programs.
ARCH_SKIP := --test-threads=1 --skip a_forked_child_cannot_publish --skip rejects_invalid_records_with_the_reason \
	--skip no_change_is_lost_when_many_set --skip one_of_many_forms_of_the_same_sequence_wins

MEMCHECK := valgrind -q --error-exitcode=99 --num-callers=20
C_TESTS := $(addprefix tests/test_,matrix.py evolution.py bad_boards.py bad_values.py quickstart.py generated.py reading.py)
C_ONLY := (c- or gcc or cpp or all_languages or refuse) and not php- and not -php and not python and not rust and not ctypes and not clang

# A hang ends the step, not the patience of whoever waits for it.
WATCHDOG := timeout --kill-after=10

define install
	missing=$$(for package in $(1); do \
		dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; \
	done); \
	if [ -n "$$missing" ]; then \
		echo "Installing from Debian:" $$missing; \
		$(ROOT_RUN) apt-get -q update; \
		$(ROOT_RUN) env DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install $$missing; \
	fi
endef

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 17

.PHONY: demo
demo: packages build ## Run the solar station and its simulators (SPEED=60 REPLAY=file FIRST=1 PORT=8080)
	$(PYTHON) examples/station/demo.py $(if $(REPLAY),--replay $(REPLAY)) $(if $(SPEED),--speed $(SPEED)) $(if $(PORT),--port $(PORT)) $(if $(FIRST),--first-start)

.PHONY: station
station: build deb wheel ## Install the solar station on this machine (PORT=/dev/ttyUSB0 METER= LISTEN=80)
	$(ROOT_RUN) examples/station/install --port $(or $(PORT),/dev/ttyUSB0) $(if $(METER),--meter $(METER)) \
		$(if $(LISTEN),--listen $(LISTEN)) $(if $(OWNER),--owner $(OWNER))

.PHONY: wheel
wheel: python
	.venv/bin/maturin build --release --locked -q -m python/Cargo.toml -o target/wheels

.PHONY: test
test: test-packages target/promtool build test-rust test-loom test-php lint-python ## Run every check and every test
	cargo build --release --locked -p pegel-tests
	$(PYTHON) -m pytest -n 2 tests python/tests

.PHONY: build
build: library python ## Build libpegel, the program `pegel` and the Python package

# Programs that `pegel` starts in its place, and looks for beside itself.
BRIDGES := mqtt opcua serve

.PHONY: library
library:
	cargo build --release --locked -p pegel-cabi -p pegel-cli
	# Apart, as what they ask of shared crates would slow down the others.
	cargo build --profile bridge --locked $(addprefix -p pegel-,$(BRIDGES))
	cp $(addprefix target/bridge/pegel-,$(BRIDGES)) target/release/
	ln -sf libpegel.so target/release/libpegel.so.1

# musl's: glibc's own would load modules of the machine's, which may be another one.
STATIC := $(shell uname -m)-unknown-linux-musl

.PHONY: static
static: python ## Build the program alone, for machines that have nothing else, and measure its size and start
	rustup target add $(STATIC)
	cargo build --profile static --locked --no-default-features --target $(STATIC) -p pegel-cli
	$(PYTHON) bench/program.py target/$(STATIC)/static/pegel
	$(PYTHON) bench/program.py target/release/pegel
	test $$(stat -c %s target/$(STATIC)/static/pegel) -lt 4194304

.PHONY: python
python: .venv/installed
	VIRTUAL_ENV=$(CURDIR)/.venv .venv/bin/maturin develop --release --locked -q -m python/Cargo.toml

.venv/installed: requirements-dev.txt
	/usr/bin/python3 -m venv .venv
	.venv/bin/pip install -q --disable-pip-version-check -r requirements-dev.txt
	touch $@

.PHONY: test-rust
test-rust: ## Format, lint and test the Rust crates
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	$(WATCHDOG) 900 cargo test --workspace --locked

.PHONY: test-loom
test-loom: ## Check the ring against the C11 memory model
	RUSTFLAGS="--cfg pegel_loom -D warnings" $(WATCHDOG) 900 cargo test --release --locked --target-dir target/loom -p pegel --test loom

.PHONY: test-php
test-php: library ## Lint and test the PHP package
	cd php-ffi && phpcs . bin/pegel-preload ../tests ../examples ../bench
	$(WATCHDOG) 300 php-ffi/tests/run

.PHONY: lint-python
lint-python: python ## Lint and type all Python
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m ruff check
	$(PYTHON) -m mypy

.PHONY: test-arches
test-arches: build $(ARCHES) ## Test on aarch64 and armv7 under qemu, and boards that they share with this machine
	cargo build --release --locked -p pegel-tests
	for size in 16384 65536; do \
		QEMU_PAGESIZE=$$size $(WATCHDOG) 300 tests/arches/cargo aarch64-unknown-linux-gnu test -p pegel --tests -- $(ARCH_SKIP); \
	done
	$(PYTHON) -m pytest tests/arches

.PHONY: $(ARCHES)
$(ARCHES):
	@$(call install,$(ARCH_PACKAGES))
	$(WATCHDOG) 900 tests/arches/cargo $@ test $(ARCH_CRATES) -- $(ARCH_SKIP)
	tests/arches/cargo $@ build -p pegel-cabi -p pegel-cli -p pegel-tests --bin pegel --bin matrix --lib
	ln -sf libpegel.so target/arches/$@/debug/libpegel.so.1

.PHONY: test-sanitizers
test-sanitizers: test-packages build ## Test C, PHP, Python and Rust under Valgrind and sanitizers
	@$(call install,valgrind)
	cargo build --release --locked -p pegel-tests
	PEGEL_MEMCHECK="$(MEMCHECK)" $(PYTHON) -m pytest -n 2 $(C_TESTS) -k "$(C_ONLY)"
	PEGEL_SANITIZE="-g -fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all" $(PYTHON) -m pytest -n 2 $(C_TESTS) -k "$(C_ONLY)"
	# Code that pcre makes as it runs reads whole vectors, beyond the end.
	cd php-ffi && USE_ZEND_ALLOC=0 $(WATCHDOG) 300 $(MEMCHECK) php -d pcre.jit=0 $$(command -v phpunit)
	# Not numpy, mypy and pip, whose memory is their own.
	PYTHONMALLOC=malloc $(WATCHDOG) 300 $(MEMCHECK) $(PYTHON) -m pytest python/tests $(addprefix --ignore=python/tests/test_,numpy.py typing.py wheel.py)
	# Not leaks: a test's forked child ends without its parent's threads, and what those had counts as lost.
	ASAN_OPTIONS=detect_leaks=0 RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address $(WATCHDOG) 300 \
		cargo test --locked --target-dir target/asan --target x86_64-unknown-linux-gnu -p pegel -p pegel-cabi --tests

.PHONY: bench
bench: bench-core bench-languages ## Measure beside other ways, and write bench/RESULTS.md and its plots
	cargo run --release --locked -q -p pegel-bench --bin report

.PHONY: bench-quick
bench-quick: bench-packages library ## The main table, within a minute once all is built
	cargo build --release --locked -p pegel-bench
	$(WATCHDOG) 300 target/release/compare --quick target/bench/quick/core.jsonl
	target/release/report target/bench/quick target/bench/quick

.PHONY: bench-core
bench-core: bench-packages library
	cargo build --release --locked -p pegel-bench
	$(WATCHDOG) 900 target/release/compare target/bench/core.jsonl
	cargo bench --locked -p pegel-bench

.PHONY: bench-languages
bench-languages: bench-packages build ## Measure PHP, Python and pages beside other ways (QUICK=1)
	cargo build --release --locked -p pegel-bench
	.venv/bin/pip install -q --disable-pip-version-check -r bench/python/requirements.txt
	for program in instructions python/read php web; do \
		PYTHONPATH=bench:tests $(WATCHDOG) 600 $(PYTHON) bench/$$program.py $(if $(QUICK),--quick); \
	done

.PHONY: bench-choosing
bench-choosing: bench-packages build ## What docs/choosing.md compares, from files to OPC UA, in two minutes (QUICK=1)
	.venv/bin/pip install -q --disable-pip-version-check -r bench/python/requirements.txt
	$(WATCHDOG) 300 $(PYTHON) bench/choosing/choosing.py $(if $(QUICK),--quick)

.PHONY: campaign
campaign: MINUTES ?= 10
campaign: packages build ## The long forms of the tests that kill, damage and repeat (MINUTES=10 SEED=n)
	cargo build --release --locked -p pegel-tests
	$(WATCHDOG) 7200 target/release/instructions
	PYTHONPATH=tests $(WATCHDOG) $$(($(MINUTES) * 60 + 600)) $(PYTHON) -m campaign.campaign \
		--minutes $(MINUTES) $(if $(SEED),--seed $(SEED))
	$(WATCHDOG) 3600 target/release/hostile 10000000 $(SEED)
	PYTHONPATH=tests $(WATCHDOG) 900 $(PYTHON) -m php_binding.requests 100000

.PHONY: header
header: ## Write include/pegel.h anew from the sources
	PEGEL_WRITE_HEADER=1 cargo test -q -p pegel-cabi --test header
	cp include/pegel.h php-ffi/src/pegel.h

.PHONY: install
install: ## Install what `make build` built (PREFIX=/usr/local DESTDIR=)
	PREFIX="$(or $(PREFIX),/usr/local)" packaging/install "$(DESTDIR)"
	$(if $(DESTDIR),,ldconfig)

.PHONY: deb
deb: packages library ## Make a Debian package of it in target/
	@$(call install,binutils)
	packaging/deb

# What checks metrics, alone: the package would start a server on this machine.
target/promtool:
	mkdir -p target
	apt-get -q download prometheus || { $(ROOT_RUN) apt-get -q update; apt-get -q download prometheus; }
	dpkg-deb --fsys-tarfile prometheus_*.deb | tar -xO ./usr/bin/promtool > $@.part
	rm prometheus_*.deb
	chmod +x $@.part
	mv $@.part $@

.PHONY: packages test-packages bench-packages
packages:
	@$(call install,$(PACKAGES))
test-packages:
	@$(call install,$(TEST_PACKAGES))
bench-packages:
	@$(call install,$(BENCH_PACKAGES))

.PHONY: clean
clean: ## Remove what was built
	rm -rf target .venv
