#!/usr/bin/env bash
# smoke/scripts.t with 50 moments for each signal that ends a script, and one failure among 200 VMs.
exec env SMOKE_ROUNDS=50 SMOKE_VMS=200 "$(dirname "$0")/../scripts.t"
