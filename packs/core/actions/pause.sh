#!/usr/bin/env bash
# Waits: pause.sh SECONDS [RANDOM], the second being 1 for a random wait of at most SECONDS.
set -eu

seconds=${1:-0}
seconds=${seconds:-0}
if [ "${2:-0}" = "1" ] && [ "$seconds" -gt 0 ]; then
    seconds=$((RANDOM % (seconds + 1)))
fi
if [ "$seconds" -gt 0 ]; then
    sleep "$seconds"
fi
echo "waited $seconds s"
