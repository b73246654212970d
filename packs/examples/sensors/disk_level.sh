#!/bin/sh
# A sensor in shell: it tells when the root file system is fuller than 90 %, and when it is below again.
#
# What it prints are messages to Sayso, one JSON object a line; see docs/sensors.md. It does not care about
# answers, so its events have no id and its standard input is not read. Sayso ends it with SIGTERM.
set -eu

limit=90
before=ok
while :; do
    used=$(df -P / | awk 'NR == 2 { sub("%", "", $5); print $5 }')
    now=ok
    if [ "$used" -ge "$limit" ]; then
        now=full
    fi
    if [ "$now" != "$before" ]; then
        printf '{"type":"event","trigger":"disk_level","payload":{"path":"/","used":%d,"level":"%s"}}\n' "$used" "$now"
        before=$now
    fi
    sleep "${SAYSO_POLL_INTERVAL:-60}"
done
