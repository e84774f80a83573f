# Makes a package source for another suite from the machine's own one, so that mirror, proxy and
# keyring stay what they are.
#
#   awk -v suite=bookworm -v wanted=bookworm-backports -f backports_source.awk FILE...
#
# Takes the first active entry for exactly `suite`, in the format of a .sources file (deb822) or of a
# .list file, and prints it with the suite replaced and with the component main only. Entries of the
# security archive name another suite and are not taken. Prints nothing when there is none. The first
# line printed tells the format: `#deb822` or `#list`.

function finish() {
  if (!done && has_suite && is_deb && !disabled) {
    printf "#deb822\n%s", stanza
    done = 1
  }
  stanza = ""; has_suite = 0; is_deb = 0; disabled = 0; dropping = 0
}

FNR == 1 { finish() }
done { next }

# --- one line for each entry ---
/^[ \t]*deb[ \t]/ {
  line = $0
  options = ""
  sub(/^[ \t]*deb[ \t]+/, "", line)
  if (match(line, /^\[[^]]*\][ \t]*/)) {
    options = substr(line, 1, RLENGTH)
    sub(/[ \t]+$/, "", options)
    options = options " "
    line = substr(line, RLENGTH + 1)
  }
  split(line, field, /[ \t]+/)
  if (field[2] == suite) {
    print "#list"
    print "deb " options field[1] " " wanted " main"
    done = 1
  }
  next
}

# --- deb822: fields, a blank line behind each entry ---
/^[ \t]*$/ { finish(); next }
/^#/ { next }
/^[ \t]/ { # the field above goes on
  if (!dropping) stanza = stanza $0 "\n"
  next
}
/^[A-Za-z-]+:/ {
  name = tolower(substr($0, 1, index($0, ":") - 1))
  value = substr($0, index($0, ":") + 1)
  dropping = 1
  if (name == "types") {
    if ((" " value " ") ~ / deb /) is_deb = 1
    stanza = stanza "Types: deb\n"
  } else if (name == "suites") {
    count = split(value, suites, /[ \t]+/)
    for (i = 1; i <= count; i++) if (suites[i] == suite) has_suite = 1
    stanza = stanza "Suites: " wanted "\n"
  } else if (name == "components") {
    stanza = stanza "Components: main\n"
  } else {
    if (name == "enabled" && tolower(value) ~ /no/) disabled = 1
    stanza = stanza $0 "\n"
    dropping = 0
  }
}

END { finish() }
