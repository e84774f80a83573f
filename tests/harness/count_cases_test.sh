#!/bin/bash
# Goal: no failure and no unexplained skip can hide from the last line of tests/run.
# Method: planted reports of ctest and GoogleTest, in the forms both write, and the counts expected.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

# report NAME STATUS BODY: appends a test to ctest's report.
report() {
  printf '\t<testcase name="%s" classname="%s" time="0.1" status="%s">\n%s\t\t<system-out>%s</system-out>\n\t</testcase>\n' \
    "$1" "$1" "$2" "${3:-}" "${4:-}" >>"$folder/junit.xml"
}

begin() {
  rm -f "$folder"/*.xml
  printf '<?xml version="1.0" encoding="UTF-8"?>\n<testsuite name="(empty)"\n\ttests="1"\n\t>\n' >"$folder/junit.xml"
}

# program NAME CASES: what a GoogleTest program leaves.
program() {
  printf '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites tests="1" name="AllTests">\n  <testsuite name="a" tests="1">\n%s  </testsuite>\n</testsuites>\n' \
    "$2" >"$folder/$1.xml"
}

# expect NAME "passed failed skipped" [END]
expect() {
  local got
  printf '%s\n' "${3-</testsuite>}" >>"$folder/junit.xml"
  got=$(awk -v results="$folder" -f "$here/count_cases.awk" "$folder/junit.xml")
  if [[ $(tail -n 1 <<<"$got") != "TOTAL $2" ]]; then
    printf '%s: expected %s, got:\n%s\n' "$1" "$2" "$got"
    failures=$((failures + 1))
  fi
}

passing='    <testcase name="ok" status="run" result="completed" time="0" classname="a" />
'
failing='    <testcase name="bad" status="run" result="completed" time="0" classname="a">
      <failure message="f.cpp:6&#x0A;" type=""><![CDATA[f.cpp:6
    <testcase name="printed" status="run" result="completed" classname="a" />
]]></failure>
      <failure message="f.cpp:7&#x0A;" type=""><![CDATA[f.cpp:7]]></failure>
    </testcase>
'
skipping='    <testcase name="skip" status="run" result="skipped" time="0" classname="a">
      <skipped message="f.cpp:3&#x0A;no &quot;disk&quot;"><![CDATA[f.cpp:3
no "disk"]]></skipped>
    </testcase>
'
unexplained='    <testcase name="skip" status="run" result="skipped" time="0" classname="a">
      <skipped message="f.cpp:3&#x0A;"><![CDATA[f.cpp:3
]]></skipped>
    </testcase>
'
disabled='    <testcase name="DISABLED_x" status="notrun" result="suppressed" time="0" classname="a" />
'
fail_body=$'\t\t<failure message=""/>\n'

begin; report x run; program x "$passing$passing"
expect "cases count one by one" "2 0 0"

begin; report x fail "$fail_body"; program x "$passing$failing$skipping"
expect "a case with two failures counts once, and printed text counts not at all" "1 1 1"

begin; report x run; program x "$passing$unexplained"
expect "a skip without a reason is a failure" "1 1 0"

begin; report x run; program x "$passing$disabled"
expect "a disabled case is a skip without a reason" "1 1 0"

begin; report x fail "$fail_body"; program x "$passing"
expect "a program that fails outside its cases is a failure" "1 1 0"

begin; report x run; program x ""
expect "a program without cases is a failure" "0 1 0"

begin; report x fail "$fail_body"
expect "a program that died and left nothing is a failure" "0 1 0"

begin; report x fail "$fail_body"; printf '<testsuites>\n%s' "$passing" >"$folder/x.xml"
expect "a program that died while it wrote is a failure" "1 1 0"

begin; report script run; report other fail "$fail_body"
expect "a script is one case" "1 1 0"

begin; report script notrun $'\t\t<skipped message="SKIP_RETURN_CODE=77"/>\n' $'skipped: no &lt;loop&gt; device\n'
expect "a script may skip with a reason" "0 0 1"

begin; report script notrun $'\t\t<skipped message="SKIP_RETURN_CODE=77"/>\n' $'nothing said\n'
expect "a script that skips without a reason is a failure" "0 1 0"

begin; report script notrun $'\t\t<skipped message="Unable to find executable"/>\n'
expect "a test that was not built is a failure" "0 1 0"

begin; report script disabled
expect "a test that is disabled is a failure" "0 1 0"

printf '<testsuite name="(empty)"\n\ttests="0"\n\ttime="0"/>\n' >"$folder/junit.xml"
expect "a run without a test is a failure" "0 1 0" ""

begin; report script run
expect "a report that breaks off is a failure" "1 1 0" ""

exit $((failures > 0))
