#!/bin/sh
# Appends the present date.
date >>hello.txt
tail -n 1 hello.txt >>"$OCTOPODA_OUTPUT"
