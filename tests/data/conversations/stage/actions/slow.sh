#!/bin/sh
echo "begun $1"
exec sleep 60
