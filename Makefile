# The commands of a fresh machine. Everything else is meson: see meson.build.

BUILD ?= build

.PHONY: all setup check check-xen lint bench clean install demo compatibility

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD)

setup:
	@tools/setup

# Sets the machine up, builds with gcc and clang, and runs all tests.
check: setup
	@tests/check

# All that xl does to guests, in the Xen lab; `make check` has a short form of it. An hour.
check-xen: setup all
	@status=0; for scenario in tests/xen/*.dom0; do \
	    tests/xen/run -t 900 -d $(BUILD)/hvm-dm $$(basename $$scenario .dom0) || status=1; \
	done; exit $$status

lint: setup
	@tests/lint

# Sets the machine up and boots a Linux guest before your eyes; the tests are not built for that.
demo: setup $(BUILD)/build.ninja
	@ninja -C $(BUILD) programs
	@tests/demo

# Side by side with Debian's QEMU, on this machine.
bench: setup all
	@tests/bench/run

install: $(BUILD)/build.ninja
	@ninja -C $(BUILD) programs
	@meson install -C $(BUILD) --no-rebuild

# Makes the table of docs/compatibility.md anew, with the results in RESULTS=FILE.
compatibility:
	@tests/compatibility $(RESULTS)

clean:
	rm -rf $(BUILD) build-check build-clang
