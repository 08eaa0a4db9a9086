#!/usr/bin/env bash
# Every kind of broken release under a running VM.
exec env SMOKE_FULL=1 "$(dirname "$0")/../update.t"
