#!/bin/sh
# Writes the next line, and says the same.
echo "world" >>world.txt
echo "world" >>"$OCTOPODA_OUTPUT"
