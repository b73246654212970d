#!/bin/sh
echo "tried"
echo "it is broken" >&2
exit 3
