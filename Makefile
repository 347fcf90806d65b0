# A thin layer over meson: make; make demo; make check; make install [PREFIX=/usr] [DESTDIR=/somewhere]
# PREFIX is meson's default, /usr/local, unless given.
BUILD ?= build
PREFIX ?=
MESON_OPTIONS ?=

.PHONY: all demo demo-httpd check bench programs install uninstall format lint clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@command -v meson >/dev/null || { echo "meson is missing: tools/deps build installs all that is needed" >&2; exit 1; }
	@meson setup $(if $(PREFIX),--prefix=$(PREFIX)) $(MESON_OPTIONS) $(BUILD)

demo:
	@tools/deps build demo
	@$(MAKE) --no-print-directory all
	@BUILD=$(BUILD) tools/demo

demo-httpd:
	@tools/deps build demo
	@$(MAKE) --no-print-directory all
	@BUILD=$(BUILD) tools/demo-httpd

check:
	@tools/deps build test
	@tests/run $(SHELVES)

bench:
	@tools/deps build bench
	@$(MAKE) --no-print-directory all
	@ninja -C $(BUILD) bench/bench-floor bench/bench-true
	@bench/launch --build $(BUILD)

programs:
	@tools/deps build bench
	@tools/programs >/dev/null
	@$(MAKE) --no-print-directory all
	@bench/programs --build $(BUILD)

install: all
	@$(if $(PREFIX),meson configure --prefix=$(PREFIX) $(BUILD))
	@meson install -C $(BUILD)

uninstall:
	@ninja -C $(BUILD) uninstall

format:
	@find src apps tests bench -name '*.[ch]' -exec clang-format -i {} +

lint:
	@tests/run lint

clean:
	@rm -rf $(BUILD) build-check
