# banger: `make help` lists what can be asked for. Each room of the tree has its rules in its own rules.mk.
SHELL := /bin/bash
.DEFAULT_GOAL := help
B := build
CC ?= gcc
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.0.0-dev)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Wpointer-arith -Wundef -Werror
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fPIC
CFLAGS ?= -O2 -g
BASE_CFLAGS := -std=gnu11 -D_GNU_SOURCE $(WARN) $(HARDEN) $(CFLAGS)
BASE_LDFLAGS := -pie -Wl,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)

PROGRAMS :=   # files under $(B) that `make all` makes; each rules.mk adds its own
LINT :=       # targets of `make check`
UNIT :=       # C unit tests (programs that exit 0)

include $(wildcard runtime/rules.mk helper/rules.mk engine/*/rules.mk guest/rules.mk lua/rules.mk smoke/rules.mk bench/rules.mk units/rules.mk)

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: deps
deps: ## install the Debian packages of packages.txt (root, or through sudo)
	@units/deps

.PHONY: all
all: $(PROGRAMS) ## build everything into build/

.PHONY: clean
clean: ## remove build/
	rm -rf $(B)
