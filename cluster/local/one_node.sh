# The command line of the commands for one node: sets `node`, `data` and `no_wait`. Sourced behind common.sh; expects
# `usage`.

wanted='' no_wait=''
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
    --no-wait)
      [[ $program == */start ]] || wrong "unknown option '$option'"
      no_wait=1
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
