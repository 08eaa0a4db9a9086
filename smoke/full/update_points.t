#!/usr/bin/env bash
# smoke/update_points.t with all its rounds.
cd "$(dirname "$0")/../.." && exec smoke/crash/shares smoke/update_points.t "${INSTANCE:-smupp}"
