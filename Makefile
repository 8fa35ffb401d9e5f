# banger: thin targets over CMake. `make install`, `make uninstall`, `make test`, `make check`, `make proofs`,
# `make bench`, `make lab-shell`.
# DEPS=no leaves the system's packages alone. PREFIX defaults to /usr/local for root and ~/.local otherwise.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

PREFIX ?= $(if $(filter 0,$(shell id -u)),/usr/local,$(HOME)/.local)
BUILD ?= build
JOBS ?= $(shell n=$$(nproc); echo $$(( n > 2 ? n : 2 )))
DEPS ?= yes

BUILD_PACKAGES := build-essential cmake ninja-build libboost-dev libboost-log-dev libboost-program-options-dev \
    libboost-filesystem-dev libsqlite3-dev rapidjson-dev libarchive-dev libdevmapper-dev libext2fs-dev \
    libnghttp2-dev libssl-dev libsystemd-dev libtomlplusplus-dev \
    libcurl4-openssl-dev libisal-dev libnl-route-3-dev libnftables-dev libldns-dev pkgconf
RUN_PACKAGES := qemu-system-x86 qemu-utils passt mmdebstrap uidmap openssh-client kmod debian-archive-keyring git curl
TEST_PACKAGES := libgtest-dev libgmock-dev e2fsprogs util-linux git xz-utils zstd iproute2 procps xfsprogs \
    busybox-static musl-tools umoci skopeo buildah docker-registry minisign tinyproxy-bin openssl bind9-dnsutils dnsmasq-base \
    redis-tools rsync nftables
BENCH_PACKAGES := debvm sqlite3 isal dnsperf

# CONFIGURE=: leaves a build as it is configured, as the test of `make install` does with the build that it is part of.
CONFIGURE = cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DCMAKE_CXX_FLAGS_RELWITHDEBINFO='-O2 -g1 -DNDEBUG' -DCMAKE_INSTALL_PREFIX="$(PREFIX)" -DBANGER_BATCHES=ON

.NOTPARALLEL:
.PHONY: build install uninstall test check proofs bench lab-shell deps test-deps clean

build:
	@$(CONFIGURE) -DBANGER_TESTS=OFF >/dev/null
	@cmake --build $(BUILD) -j $(JOBS)

deps:
	@tools/install-packages $(DEPS) $(BUILD_PACKAGES) $(RUN_PACKAGES)

test-deps:
	@tools/install-packages $(DEPS) $(BUILD_PACKAGES) $(RUN_PACKAGES) $(TEST_PACKAGES)

install: deps build
	@cmake --install "$(BUILD)" --prefix "$(PREFIX)" --strip >/dev/null
	@tools/record-install "$(PREFIX)" "$(BUILD)/install_manifest.txt"
	@echo "banger is installed in $(PREFIX)"
	@case ":$$PATH:" in *":$(PREFIX)/bin:"*) ;; *) echo "add $(PREFIX)/bin to your PATH" ;; esac

uninstall:
	@tools/uninstall "$(PREFIX)"

# Everything of banger that this machine can test; the lab brings what it lacks. A test that cannot run here says so and is
# counted by ctest as skipped. Two at a time: most wait for a machine with one processor.
test: test-deps
	@$(CONFIGURE) -DBANGER_TESTS=ON -DBANGER_WERROR=ON
	@cmake --build $(BUILD) -j $(JOBS)
	@ctest --test-dir $(BUILD) --output-on-failure --no-tests=error -LE proof -j 2

check: test-deps
	@$(CONFIGURE) -DBANGER_TESTS=ON -DBANGER_WERROR=ON >/dev/null
	@cmake --build $(BUILD) -j $(JOBS)
	@ctest --test-dir $(BUILD) --output-on-failure --no-tests=error -L 'unit|contract|repo' -j $(JOBS)

# What was tried before interfaces were written (docs/decisions 12 to 14): experiments with figures; and what takes long.
# An hour of them.
proofs: test-deps
	@$(CONFIGURE) -DBANGER_TESTS=ON -DBANGER_WERROR=ON >/dev/null
	@cmake --build $(BUILD) -j $(JOBS)
	@ctest --test-dir $(BUILD) --verbose --no-tests=error -L proof

# A root shell in the machine that the lab's tests run in, with the build in it when there is one.
lab-shell: test-deps
	@tests/lab/shell $(wildcard $(BUILD))

bench: test-deps
	@tools/install-packages $(DEPS) $(BENCH_PACKAGES)
	@$(MAKE) --no-print-directory build
	@bench/run $(BUILD)

clean:
	@rm -rf $(BUILD)
