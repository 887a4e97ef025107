#!/bin/sh
# Takes back what prepare made.
rm -f world.txt
