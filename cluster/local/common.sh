# Shared by the commands of cluster/local; sourced, never run. Expects `root`, the tree, and
# `program`, the name for messages.

client_port=4430
metrics_port=9430
peers_port=4431
nodes_max=9
data=$root/build/cluster
nodes=
binary=''

# fail MESSAGE REMEDY
fail() {
  echo "$program: $1. $2" >&2
  exit 1
}

wrong() {
  echo "$program: $1 (see $program --help)" >&2
  exit 2
}

# take_nodes VALUE
take_nodes() {
  [[ $1 =~ ^[1-9][0-9]*$ ]] || wrong "--nodes wants a number of nodes, not '$1'"
  (($1 <= nodes_max)) || wrong "--nodes is at most $nodes_max, one for each of the addresses 127.0.0.1 to 127.0.0.$nodes_max"
  nodes=$1
}

# take_node VALUE: which one is meant.
take_node() {
  [[ $1 =~ ^[1-9][0-9]*$ ]] || wrong "a node is a number from 1, not '$1'"
  [[ -d $data/node-$1 ]] || fail "there is no node $1 in $data" "Start the cluster with cluster/local/up"
  node=$1
}

node_folder() { echo "$data/node-$1"; }
node_address() { echo "127.0.0.$1"; }
node_log() { echo "$data/node-$1.log"; }
pid_file() { echo "$data/node-$1.pid"; }

# all_nodes: the numbers of the nodes that the data folder has, one per line.
all_nodes() {
  local folder
  for folder in "$data"/node-*/; do
    if [[ $folder =~ /node-([1-9][0-9]*)/$ ]]; then
      echo "${BASH_REMATCH[1]}"
    fi
  done | sort -n
}

# One of them at a time for a cluster. The lock ends with the script: nodes do not inherit it.
lock_cluster() {
  exec 9>"$data/lock" || fail "$data cannot be written" "Name another folder with --data"
  flock -w 60 9 || fail "another cluster/local command works on $data" "Wait for its end"
}

# node_pid NODE: prints the number of the running process; fails when there is none, or when the number in
# the file has gone to some other process since.
node_pid() {
  local pid command
  pid=$(cat "$(pid_file "$1")" 2>/dev/null) || return 1
  [[ $pid =~ ^[0-9]+$ && -r /proc/$pid/cmdline ]] || return 1
  mapfile -d '' -t command <"/proc/$pid/cmdline" 2>/dev/null || return 1
  [[ " ${command[*]} " == *" serve --data $(node_folder "$1") "* ]] || return 1
  echo "$pid"
}

# http_status HOST PORT PATH: prints the status code. Without curl, which a bare system does not have.
http_status() {
  local line
  {
    exec 3<>"/dev/tcp/$1/$2" && printf 'GET %s HTTP/1.0\r\n\r\n' "$3" >&3 && IFS= read -r -t 5 line <&3
  } 2>/dev/null || return 1
  exec 3>&-
  [[ $line =~ ^HTTP/[0-9.]+\ ([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

# ready_text NODE: what the node says of itself.
ready_text() {
  local line text=
  {
    exec 3<>"/dev/tcp/$(node_address "$1")/$metrics_port" && printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3 &&
      while IFS= read -r -t 5 line || [[ -n $line ]]; do
        line=${line%$'\r'} text=${line:-$text}
      done <&3
  } 2>/dev/null || return 1
  exec 3>&-
  echo "$text"
}

is_ready() { [[ $(http_status "$(node_address "$1")" "$metrics_port" /readyz) == 200 ]]; }

# runs PID: false for a zombie too, whose parent may never ask for it.
runs() {
  local line
  IFS= read -r line 2>/dev/null <"/proc/$1/stat" || return 1
  # The state stands behind the name in brackets, which may hold anything.
  [[ ${line##*) } != [ZXx]* ]]
}

# last_words LOG OFFSET: what a node said behind that byte before it ended.
last_words() {
  local words
  words=$(tail -c "+$(($2 + 1))" "$1" | grep '^godwit: ' | tail -n 1)
  echo "${words:-no reason in its log}"
}

# launch_node NODE: starts the process and does not wait.
launch_node() {
  local log
  log=$(node_log "$1")
  : >>"$log" || fail "$log cannot be written" "Name another folder with --data"
  stat -c %s "$log" >"$(node_folder "$1").log.before"
  setsid "$data/godwit" serve --data "$(node_folder "$1")" </dev/null >>"$log" 2>&1 9>&- &
  echo "$!" >"$(pid_file "$1")"
}

# wait_for_node NODE: until it serves.
wait_for_node() {
  local pid deadline log before
  log=$(node_log "$1") pid=$(<"$(pid_file "$1")") before=$(<"$(node_folder "$1").log.before")
  deadline=$((SECONDS + 120))
  until is_ready "$1"; do
    if ! runs "$pid"; then
      rm -f "$(pid_file "$1")"
      echo "$program: node $1 did not start: $(last_words "$log" "$before") (its log: $log)" >&2
      exit 1
    fi
    ((SECONDS < deadline)) || fail "node $1 is not ready after two minutes: $(ready_text "$1")" \
      "Look into $log, and stop it with cluster/local/down --data $data"
    sleep 0.05
  done
  rm -f "$(node_folder "$1").log.before"
}

# stop_process PID SIGNAL SECONDS: fails when it is still there after that time.
stop_process() {
  local deadline=$((SECONDS + $3))
  kill "-$2" "$1" 2>/dev/null || return 0
  while runs "$1"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.02
  done
}
