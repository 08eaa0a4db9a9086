#!/usr/bin/env bash
# smoke/scripts.t with 51 moments at which a script is ended, and one failure among 200 VMs.
exec env SMOKE_ROUNDS=17 SMOKE_VMS=200 "$(dirname "$0")/../scripts.t"
