#!/usr/bin/env bash
# restart_service.sh --mode=… --pause_seconds=… --reason=… --dry_run SERVICE ENVIRONMENT
set -eu

mode=rolling
pause=0
reason=
while [ $# -gt 0 ]; do
    case $1 in
        --mode=*) mode=${1#*=} ;;
        --pause_seconds=*) pause=${1#*=} ;;
        --reason=*) reason=${1#*=} ;;
        --*) ;;
        *) break ;;
    esac
    shift
done
service=${1:?which service?}
environment=${2:-staging}

echo "would restart $service on $environment ($mode): $reason"
for number in 1 2 3; do
    echo "  $service-$number.$environment: would restart"
    if [ "$mode" = rolling ] && [ "$number" -lt 3 ]; then
        sleep "$pause"
    fi
done
