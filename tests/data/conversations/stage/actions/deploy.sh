#!/bin/sh
echo "$3 x $1 on $2"
