# Everything that one does with Perch. `make` alone lists it.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:

# The Swift 6.3 toolchain: the one in PATH, else where Debian users unpack it.
SWIFT ?= $(or $(shell command -v swift 2>/dev/null),/opt/swift/usr/bin/swift)
# PACKAGES=skip leaves the machine's packages alone.
PACKAGES ?= install

prefix ?= /usr/local
bindir ?= $(prefix)/bin
docdir ?= $(prefix)/share/doc/perch
sysconfdir ?= /etc
unitdir ?= $(if $(filter /usr,$(prefix)),/usr/lib/systemd/system,/etc/systemd/system)
DESTDIR ?=

swift_folders := Package.swift Sources Tests
release := .build/release
venv := .build/venv
python := $(venv)/bin/python

# ARGS reaches the agent (`make run ARGS="--config my.yaml"`), CONFIG is short for that, and K picks tests by name.
CONFIG ?=
ARGS ?= $(if $(CONFIG),--config $(CONFIG))
K ?=

.PHONY: help
help: ## list what make can do
	@echo "Perch streams a camera and a microphone to browsers. make can:"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name does; do \
	  printf '  %-18s %s\n' "$$name" "$$does"; done

.PHONY: build
build: toolchain build-packages ## compile the release binary, .build/release/perch
	@$(SWIFT) build -c release --static-swift-stdlib

.PHONY: run
run: build ## compile, then start the agent and print the address to open (CONFIG=file.yaml)
	@exec $(release)/perch run $(ARGS)

.PHONY: test
test: build test-packages $(venv)/.ready unit-tests lint end-to-end-tests ## everything that proves Perch works: all tests, and lint

# One test at a time: usrsctp has one state for the whole process, and tests of devices and timing share two cores with nobody.
.PHONY: unit-tests
unit-tests: toolchain build-packages ## only the Swift tests (K=name picks)
	@$(SWIFT) test --no-parallel $(if $(K),--filter '$(K)')

.PHONY: end-to-end-tests
end-to-end-tests: build test-packages $(venv)/.ready ## only those with browsers and other peers (K=name picks)
	@$(python) -m pytest -c Tests/EndToEnd/pytest.ini --rootdir Tests/EndToEnd Tests/EndToEnd $(if $(K),-k '$(K)')

.PHONY: test-devices
test-devices: build test-packages $(venv)/.ready ## stream a real camera and microphone from an emulated machine, and unplug them
	@PACKAGES='$(PACKAGES)' Tests/Devices/run.sh $(if $(K),-k '$(K)')

.PHONY: bench
bench: build test-packages bench-packages $(venv)/.ready ## measure Perch beside other senders and print the table
	@$(python) Tests/Benchmarks/bench.py $(ARGS)

.PHONY: lint
lint: toolchain ## check the Swift sources against the house format
	@$(SWIFT) format lint --strict --parallel --recursive $(swift_folders)

.PHONY: format
format: toolchain ## rewrite the Swift sources into the house format
	@$(SWIFT) format --in-place --parallel --recursive $(swift_folders)

# Compiling is left out on purpose: `sudo make install` should not leave files of root's in .build.
.PHONY: install
install: ## install the binary that `make build` made, the systemd unit and a configuration (prefix=, DESTDIR=)
	@test -x $(release)/perch || { echo "There is no $(release)/perch yet: run make build first."; exit 1; }
	@install -d '$(DESTDIR)$(bindir)' '$(DESTDIR)$(docdir)' '$(DESTDIR)$(unitdir)' '$(DESTDIR)$(sysconfdir)/perch'
	@install -m 755 $(release)/perch '$(DESTDIR)$(bindir)/.perch.new'
	@strip '$(DESTDIR)$(bindir)/.perch.new'
	@mv -f '$(DESTDIR)$(bindir)/.perch.new' '$(DESTDIR)$(bindir)/perch'
	@sed -e 's|/usr/local/bin|$(bindir)|g' -e 's|/etc/perch|$(sysconfdir)/perch|g' systemd/perch.service \
	  > '$(DESTDIR)$(unitdir)/perch.service'
	@chmod 644 '$(DESTDIR)$(unitdir)/perch.service'
	@for page in README.md DESIGN.md CHANGELOG.md LICENSE board/perch.yaml; do \
	  if [ -r "$$page" ]; then install -m 644 "$$page" '$(DESTDIR)$(docdir)/'; fi; done
	@if [ -e '$(DESTDIR)$(sysconfdir)/perch/perch.yaml' ]; then \
	  echo "Kept your $(sysconfdir)/perch/perch.yaml; the defaults are in $(docdir)/perch.yaml."; \
	else install -m 644 board/perch.yaml '$(DESTDIR)$(sysconfdir)/perch/perch.yaml'; fi
	@if [ -z '$(DESTDIR)' ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; \
	  echo "Installed. Start it now and at every boot with: systemctl enable --now perch"; fi

.PHONY: uninstall
uninstall: ## remove what install installed; the configuration and the board's identity stay
	@if [ -z '$(DESTDIR)' ] && [ -d /run/systemd/system ] && [ -e '$(unitdir)/perch.service' ]; then \
	  systemctl disable --now --quiet perch; fi
	@rm -f '$(DESTDIR)$(bindir)/perch' '$(DESTDIR)$(unitdir)/perch.service'
	@rm -rf '$(DESTDIR)$(docdir)'
	@if [ -z '$(DESTDIR)' ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
	@if [ -e '$(DESTDIR)$(sysconfdir)/perch/perch.yaml' ]; then \
	  echo "Kept $(sysconfdir)/perch and /var/lib/perch: remove them by hand if the board will not come back."; fi

.PHONY: clean
clean: ## remove everything that make made here, the Python environment too
	@rm -rf .build

.PHONY: toolchain
toolchain:
	@command -v '$(SWIFT)' >/dev/null || { echo "No Swift toolchain in PATH or /opt/swift. \
	Unpack Swift 6.3 for Debian 12 from swift.org into /opt/swift, or say SWIFT=/path/to/swift."; exit 1; }

.PHONY: build-packages test-packages bench-packages
build-packages test-packages bench-packages: %-packages:
	@$(if $(filter install,$(PACKAGES)),board/install-packages $*)

$(venv)/.ready: Tests/EndToEnd/requirements.txt | test-packages
	@echo "Making the tests' Python environment in $(venv)."
	@rm -rf $(venv)
	@/usr/bin/python3 -m venv $(venv)
	@$(python) -m pip install --quiet --disable-pip-version-check --no-input --requirement $<
	@touch $@
