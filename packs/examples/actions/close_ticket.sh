#!/bin/sh
# close_ticket.sh TICKET TOKEN: never prints the token.
set -eu

ticket=${1:?which ticket?}
if [ "${2:-none}" = none ]; then
    echo "would close $ticket without a token"
else
    echo "would close $ticket with the token given"
fi
