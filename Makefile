# SPDX-License-Identifier: GPL-3.0-or-later
#
# The short way in. Meson does the work; this file only says what to type.
#
#   make run        install what is missing, build, serve the quickstart example
#   make test       the short test run: everything that takes minutes at most
#   make test-full  everything: more compilers, sanitizers, fuzzing, peers
#   make bench      measure against the DNS servers that are installed
#   make build      only build: build/horizon
#   make tidy       only the tidiness checks
#   make format     clang-format over the C sources
#   make clean      remove what was built
#
# NO_INSTALL=1 refuses to install packages and prints the command instead.

.PHONY: build run test test-full bench tidy format install clean

build:
	@tools/install-packages
	@tools/configure build
	@ninja -C build

run:
	@tools/make-run

test:
	@tools/install-packages --with test
	@tests/run short

test-full:
	@tools/install-packages --with bench
	@tests/run full

bench:
	@tools/install-packages --with bench
	@tools/configure build
	@ninja -C build
	@bench/run.py --short

tidy:
	@tools/tidy

format:
	@find src tests bench -name '*.[ch]' -print0 2>/dev/null | xargs -0r clang-format -i

install: build
	@meson install -C build

clean:
	rm -rf build build-*
