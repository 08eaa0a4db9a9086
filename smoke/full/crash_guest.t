#!/usr/bin/env bash
# smoke/crash_guest.t with all its rounds.
cd "$(dirname "$0")/../.." && exec smoke/crash/shares smoke/crash_guest.t "${INSTANCE:-smcg}"
