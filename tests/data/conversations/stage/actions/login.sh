#!/bin/sh
[ "$2" = "open sesame" ] && echo "welcome $1" || { echo "wrong for $1"; exit 1; }
