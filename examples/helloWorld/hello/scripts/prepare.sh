#!/bin/sh
# Writes the first line. What it made stays when the sources are updated.
echo "-->prepared" >hello.txt
echo "prepared hello.txt on $OCTOPODA_NODENAME" >>"$OCTOPODA_OUTPUT"
