#!/bin/sh
# disk_report.sh PATH WARN_PERCENT
set -eu

path=${1:-/}
limit=${2:-100}
used=$(df -P "$path" | awk 'NR == 2 { sub("%", "", $5); print $5 }')
printf '{"path": "%s", "used_percent": %s, "limit_percent": %s}\n' "$path" "$used" "$limit"
[ "$used" -le "$limit" ]
