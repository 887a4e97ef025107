#!/bin/sh
# Writes the first line. What it made stays when the sources are updated.
echo "-->prepared" >world.txt
echo "prepared world.txt on $OCTOPODA_NODENAME" >>"$OCTOPODA_OUTPUT"
