#!/usr/bin/env bash
# Every point at which an update can be cut off.
exec env EACH=1 "$(dirname "$0")/../update_points.t"
