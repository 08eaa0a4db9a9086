#!/usr/bin/env bash
# smoke/crash.t with all its rounds.
STRIDE=1 OFFSET=0 exec "$(dirname "$0")/../crash.t"
