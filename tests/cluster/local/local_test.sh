#!/bin/bash
# cluster/local with a program that is built already: one node and three, each command, and what is refused.
# Usage: local_test.sh GODWIT
set -euo pipefail

binary=$1
local_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../../cluster/local" && pwd)
work=$(mktemp -d)
data=$work/data

clean_up() {
  "$local_folder/down" --data "$data" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean_up EXIT

failed=0
check() {
  if ! eval "$2"; then
    echo "not so: $1"
    failed=1
  fi
}

# run WANTED-STATUS COMMAND...: its output is in $out.
run() {
  local wanted=$1 status=0
  shift
  out=$("$@" 2>&1) || status=$?
  if ((status != wanted)); then
    echo "exit status $status instead of $wanted: $*"
    echo "$out"
    failed=1
  fi
}

for port in 4430 9430; do
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    echo "skipped: something listens on port $port of 127.0.0.1"
    exit 77
  fi
done

# A first start tells everything that a person needs.
run 0 "$local_folder/up" --data "$data" --binary "$binary"
fingerprint=$("$binary" ctl --data "$data/node-1" key | awk '$1 == "fingerprint" { print $2 }')
check "the address is told" '[[ $out == *127.0.0.1:4430* ]]'
check "the key and its fingerprint are told" '[[ $out == *"$data/server_rsa.pub.pem"* && $out == *"$fingerprint"* ]]'
check "metrics, signing in and stopping are told" '[[ $out == *:9430/metrics* && $out == *99966* && $out == *cluster/local/down* ]]'
check "the key is PKCS#1" '[[ $(head -n 1 "$data/server_rsa.pub.pem") == "-----BEGIN RSA PUBLIC KEY-----" ]]'
pid=$(<"$data/node-1.pid")
check "the process is named godwit" '[[ $(<"/proc/$pid/comm") == godwit ]]'

# A second one changes nothing.
run 0 "$local_folder/up" --data "$data" --binary "$binary" --nodes 1
check "the same process serves" '[[ $(<"$data/node-1.pid") == "$pid" && -d /proc/$pid ]]'

# Ports in use: one line with the remedy.
run 1 "$local_folder/up" --data "$work/other" --binary "$binary"
check "the port and a remedy are named in one line" '[[ $out == *"port 4430"*"in use"* || $out == *"port 9430"*"in use"* ]] && (($(wc -l <<<"$out") == 1))'

# A crash, and the start behind it.
run 0 "$local_folder/kill" --data "$data" 1
check "the process is gone" '[[ ! -r /proc/$pid/cmdline || -z $(tr -d "\0" <"/proc/$pid/cmdline") ]]'
run 1 "$local_folder/kill" --data "$data" 1
run 1 "$local_folder/kill" --data "$data" 2
run 0 "$local_folder/start" --data "$data" 1
check "another process serves" '[[ $(<"$data/node-1.pid") != "$pid" ]]'
check "the key is the same" '[[ $("$binary" ctl --data "$data/node-1" key) == *"$fingerprint"* ]]'
run 0 "$local_folder/start" --data "$data" 1
check "it runs already" '[[ $out == *"runs already"* ]]'

# The end. A file with the number of a process that is somebody else's harms nobody.
run 0 "$local_folder/down" --data "$data"
check "no node runs" '! "$binary" ctl --data "$data/node-1" health >/dev/null 2>&1'
check "it ended in its own time" '[[ $out != *killed* ]]'
run 0 "$local_folder/down" --data "$data"
sleep 60 &
other=$!
echo "$other" >"$data/node-1.pid"
run 0 "$local_folder/down" --data "$data"
check "another process is left alone" 'kill -0 "$other"'
kill "$other"

rm -f "$data/node-1.pid"

# The cluster grows to three nodes, and keeps what it is.
run 0 "$local_folder/up" --data "$data" --binary "$binary" --nodes 3
check "every address is told" '[[ $out == *127.0.0.1:4430*127.0.0.2:4430*127.0.0.3:4430* ]]'
check "the key is the same" '[[ $out == *"$fingerprint"* ]]'
run 0 "$local_folder/status" --data "$data"
check "each node serves" '(($(grep -c ", ok$" <<<"$out") == 3))'
nodes_up() { "$binary" ctl --data "$data/node-1" --json nodes | grep -o '"up": *true' | wc -l; }
check "the nodes know one another" '(($(nodes_up) == 3))'
run 0 "$local_folder/up" --data "$data" --binary "$binary"
check "it stays as it is" '[[ $out != *"== "* ]]'
run 1 "$local_folder/up" --data "$data" --binary "$binary" --nodes 2
check "a smaller number is refused with a reason" '[[ $out == *"has 3 nodes"* ]]'

# A machine that hangs, and one that is gone.
run 0 "$local_folder/stop" --data "$data" 2
run 1 "$local_folder/status" --data "$data"
check "it is told" '[[ $out == *"node 2"*frozen* ]]'
run 0 "$local_folder/cont" --data "$data" 2
run 0 "$local_folder/kill" --data "$data" 3
run 1 "$local_folder/status" --data "$data"
check "it is told" '[[ $out == *"node 3"*"does not run"* ]]'
run 0 "$local_folder/start" --data "$data" 3
for ((i = 0; i < 200; ++i)); do
  "$local_folder/status" --data "$data" >/dev/null 2>&1 && break
  sleep 0.1
done
run 0 "$local_folder/status" --data "$data"
run 0 "$local_folder/down" --data "$data"
check "all of them end in their own time" '[[ $out != *killed* ]] && (($(grep -c "has ended" <<<"$out") == 3))'

# What is refused.
run 1 "$local_folder/up" --data /proc/godwit --binary "$binary"
check "a folder that cannot be written is named" '[[ $out == *"/proc/godwit cannot be written"* ]] && (($(wc -l <<<"$out") == 1))'
run 2 "$local_folder/up" --nodes none
run 2 "$local_folder/up" --nodes 10
run 2 "$local_folder/up" --bogus
run 2 "$local_folder/down" --data
run 2 "$local_folder/kill"
run 0 "$local_folder/up" --help
exit "$failed"
