# banger: `make help` lists what can be asked for. Each room of the tree has its rules in its own rules.mk.
SHELL := /bin/bash
# mke2fs and its kind are not in every user's PATH.
export PATH := $(PATH):/usr/sbin:/sbin
.DEFAULT_GOAL := help
B := build
CC ?= gcc
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.0.0-dev)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Wpointer-arith -Wundef -Werror
# What is built is the same wherever the tree lies: smoke/reproducible.t.
SAME := -ffile-prefix-map=$(CURDIR)=.
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fPIC
CFLAGS ?= -O2 -g
BASE_CFLAGS := -std=gnu11 -D_GNU_SOURCE $(WARN) $(HARDEN) $(SAME) $(CFLAGS)
BASE_LDFLAGS := -pie -Wl,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)

PROGRAMS :=   # files under $(B) that `make all` makes; each rules.mk adds its own
LINT :=       # targets of `make check`
UNIT :=       # C unit tests (programs that exit 0)
INSTALL :=    # targets of `make install`

include $(wildcard runtime/rules.mk helper/rules.mk engine/*/rules.mk guest/rules.mk lua/rules.mk smoke/rules.mk bench/rules.mk units/rules.mk)

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: deps
deps: ## install the Debian packages of packages.txt (root, or through sudo)
	@units/deps

.PHONY: all
all: $(PROGRAMS) ## build everything into build/

# What `make check` is made of. A tool that is missing is a skip that says so (status 77 for `make test`, which counts it).
C_FILES = $(shell git ls-files '*.c' '*.h')
LUA_DIRS := lua spec examples smoke bench docs

.PHONY: check
check: all ## format, lint, unit tests and specs: no root, no guests
	@failed=""; skipped=""; \
	for part in format lint unit spec; do \
	    $(MAKE) --no-print-directory -s $$part; status=$$?; \
	    case $$status in 0) ;; 77) skipped="$$skipped $$part";; *) failed="$$failed $$part";; esac; \
	done; \
	echo "check: not run here:$${skipped:- nothing}; failed:$${failed:- nothing}"; test -z "$$failed"

.PHONY: format
format:
	@command -v clang-format >/dev/null || { echo "format: skipped, clang-format is not installed"; exit 77; }
	@clang-format --dry-run -Werror $(C_FILES)

.PHONY: lint
lint: $(LINT)
	@command -v luacheck >/dev/null || { echo "lint: skipped, luacheck (package lua-check) is not installed"; exit 77; }
	@luacheck -q $(wildcard $(LUA_DIRS))

.PHONY: unit
unit: $(UNIT)
	@for test in $(UNIT); do echo "  $$test"; $$test || [ $$? = 77 ] || exit 1; done

.PHONY: print-unit
print-unit: $(UNIT)
	@printf '%s\n' $(UNIT)

.PHONY: spec
spec: all
	@command -v busted >/dev/null || { echo "spec: skipped, busted (package lua-busted) is not installed"; exit 77; }
	@busted

# Everything again under the sanitizers, in a build folder of its own, and all unit tests run there.
.PHONY: sanitize
sanitize: ## unit tests and the embedding example with ASan, UBSan and LSan
	$(MAKE) B=$(B)/sanitize HARDEN=-fPIC \
	    CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all" \
	    LDFLAGS="-fsanitize=address,undefined" unit $(B)/sanitize/examples/embed/host
	$(B)/sanitize/examples/embed/host --cycles 1000 </dev/null >/dev/null

PREFIX ?= /usr/local
.PHONY: install
install: all $(INSTALL) ## into $(DESTDIR)$(PREFIX)

.PHONY: clean
clean: ## remove build/
	rm -rf $(B)
