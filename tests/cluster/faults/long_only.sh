#!/bin/bash
# Runs a command with GODWIT_LONG, and skips it otherwise. Usage: long_only.sh COMMAND...
set -euo pipefail

if [[ -z ${GODWIT_LONG:-} ]]; then
  echo "skipped: minutes of faults are for --long: when a node takes an answer with it, the session on the next one may" \
    "miss the push of its own change, which the checker counts and clients mend by asking for the difference"
  exit 77
fi
exec "$@"
