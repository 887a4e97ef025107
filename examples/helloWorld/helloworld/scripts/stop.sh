#!/bin/sh
# Nothing runs on; it only says so.
echo "stop" >>"$OCTOPODA_OUTPUT"
