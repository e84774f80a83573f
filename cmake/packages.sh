# What a build needs from Debian 12, and how it is installed. Sourced by tests/run and cluster/local/up,
# which set `root`, the tree, and `program`, the name for messages.

build_packages=(
  g++ cmake ninja-build pkg-config ccache
  libabsl-dev libboost-dev libcaf-dev libcli11-dev libexpected-dev libisal-dev libjemalloc-dev liblmdb-dev libphonenumber-dev
  libprotobuf-dev libspdlog-dev libssl-dev libsystemd-dev libtomlplusplus-dev libutf8proc-dev nlohmann-json3-dev
  prometheus-cpp-dev protobuf-compiler zlib1g-dev
)
raft_version=0.22.1

as_root() {
  if (($(id -u) == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "$program: packages are missing and this is neither root nor is there sudo; as root: $*" >&2
    return 1
  fi
}

installed() {
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

raft_installed() {
  [[ $(dpkg-query -W -f '${Version}' libraft-dev 2>/dev/null) == "$raft_version"-* ]]
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

# The machine's own source for Debian, with the suite replaced, and libraft alone pinned to it.
add_backports() {
  local codename=$1 files=() file entry target
  for file in /etc/apt/sources.list.d/*.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [[ -r $file ]] && files+=("$file")
  done
  if [[ $(apt-cache policy) != *"n=$codename-backports,"* ]]; then
    entry=$( ((${#files[@]})) && awk -v suite="$codename" -v wanted="$codename-backports" \
      -f "$root/tests/harness/backports_source.awk" "${files[@]}")
    case ${entry%%$'\n'*} in
      '#deb822') target=/etc/apt/sources.list.d/godwit-backports.sources ;;
      '#list') target=/etc/apt/sources.list.d/godwit-backports.list ;;
      *)
        echo "$program: no package source for $codename to copy; add $codename-backports by hand" >&2
        return 1
        ;;
    esac
    echo "Adding the package source $target"
    tail -n +2 <<<"$entry" | as_root tee "$target" >/dev/null
  fi
  printf 'Package: libraft*\nPin: release n=%s-backports\nPin-Priority: 990\n' "$codename" |
    as_root tee /etc/apt/preferences.d/godwit-libraft >/dev/null
}

# install_missing PACKAGES...: libraft comes with them.
install_missing() {
  local missing=() package codename=''
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  raft_installed || missing+=(libraft-dev)
  if ((${#missing[@]} == 0)); then
    echo "Nothing to install"
    return 0
  fi
  echo "Installing: ${missing[*]}"
  [[ -r /etc/os-release ]] && codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  raft_installed || add_backports "$codename" || return 1
  apt update || return 1
  apt install --no-install-recommends "${missing[@]}" || return 1
  if ! raft_installed; then
    echo "$program: libraft $raft_version is needed, the package source has" \
      "$(dpkg-query -W -f '${Version}' libraft-dev)" >&2
    return 1
  fi
}
