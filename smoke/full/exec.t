#!/usr/bin/env bash
# smoke/exec.t with 1 GiB through copies and stdout.
BULK=1024 exec "$(dirname "$0")/../exec.t"
