#!/bin/sh
# Writes the first line. What it made stays when the sources are updated.
echo "-->prepared" >helloworld.txt
echo "prepared helloworld.txt on $OCTOPODA_NODENAME" >>"$OCTOPODA_OUTPUT"
