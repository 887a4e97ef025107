#!/bin/sh
# Takes back what prepare made.
rm -f helloworld.txt
