#!/bin/sh
# Writes the next line, and says the same.
echo "hello" >>hello.txt
echo "hello" >>"$OCTOPODA_OUTPUT"
