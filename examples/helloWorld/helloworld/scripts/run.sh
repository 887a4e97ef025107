#!/bin/sh
# Writes the next line, and says the same.
echo "helloworld" >>helloworld.txt
echo "helloworld" >>"$OCTOPODA_OUTPUT"
