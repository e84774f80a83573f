# The command line of cluster/local/kill and start: sets `node` and `data`. Sourced behind common.sh;
# expects `usage`.

wanted=''
while (($# > 0)); do
  option=$1
  shift
  if [[ $option == --*=* ]]; then
    set -- "${option#*=}" "$@"
    option=${option%%=*}
  fi
  case $option in
    --data)
      (($# > 0)) || wrong "--data wants a value"
      data=$(realpath -m "$1")
      shift
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    -*) wrong "unknown option '$option'" ;;
    *)
      [[ -z $wanted ]] || wrong "one node at a time"
      wanted=$option
      ;;
  esac
done
[[ -n $wanted ]] || wrong "name a node"
take_node "$wanted"
