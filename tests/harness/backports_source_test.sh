#!/bin/bash
# Goal: the package source for backports copies the machine's own mirror and keyring, and nothing else.
# Method: planted source files in both formats, compared with the entry expected.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

# expect NAME INPUT OUTPUT
expect() {
  local got
  printf '%s' "$2" >"$folder/input"
  got=$(awk -v suite=bookworm -v wanted=bookworm-backports -f "$here/backports_source.awk" "$folder/input")
  if [[ $got != "$3" ]]; then
    printf '%s:\nexpected:\n%s\ngot:\n%s\n' "$1" "$3" "$got"
    failures=$((failures + 1))
  fi
}

expect "a deb822 entry keeps mirror and keyring, and comments and other components go" \
'# a comment
Types: deb deb-src
URIs: http://mirror.invalid/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /keyring.gpg

Types: deb
URIs: http://mirror.invalid/debian-security
Suites: bookworm-security
Components: main
' \
'#deb822
Types: deb
URIs: http://mirror.invalid/debian
Suites: bookworm-backports
Components: main
Signed-By: /keyring.gpg'

expect "an embedded key is kept with its lines" \
'Types: deb
URIs: http://mirror.invalid/debian
Suites: bookworm
Components: main
 contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
' \
'#deb822
Types: deb
URIs: http://mirror.invalid/debian
Suites: bookworm-backports
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc'

expect "entries that are disabled, hold only sources or are for security are not copied" \
'Types: deb
URIs: http://off.invalid/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://sources.invalid/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://security.invalid/debian-security
Suites: bookworm-security
Components: main
' ''

expect "a one-line entry keeps its options" \
'# deb http://off.invalid/debian bookworm main
deb-src http://sources.invalid/debian bookworm main
deb http://security.invalid/debian-security bookworm-security main
deb [arch=amd64 signed-by=/keyring.gpg]  http://mirror.invalid/debian  bookworm main contrib
deb http://second.invalid/debian bookworm main
' \
'#list
deb [arch=amd64 signed-by=/keyring.gpg] http://mirror.invalid/debian bookworm-backports main'

expect "an empty file gives nothing" '' ''

exit $((failures > 0))
