#!/usr/bin/env bash
# smoke/crash.t with all its rounds.
cd "$(dirname "$0")/../.." && exec smoke/crash/shares smoke/crash.t "${INSTANCE:-smcr}"
