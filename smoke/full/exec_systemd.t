#!/usr/bin/env bash
# smoke/exec.t in a guest with systemd.
INIT=systemd exec "$(dirname "$0")/../exec.t"
