#!/bin/sh
# Appends the present date.
date >>helloworld.txt
tail -n 1 helloworld.txt >>"$OCTOPODA_OUTPUT"
