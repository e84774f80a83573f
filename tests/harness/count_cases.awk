# Counts single test cases of one ctest run.
#
#   awk -v results=FOLDER [-v filtered=1] -f count_cases.awk JUNIT_FILE
#
# JUNIT_FILE is what `ctest --output-junit` wrote. A test that left FOLDER/<name>.xml is a GoogleTest
# program, and its cases count; any other test counts as one case. A program without a single case
# is a failure, unless the cases were `filtered`. Prints a line for each case that
# failed or was skipped, and at the end `TOTAL passed failed skipped`.
#
# A skip must say why: a GoogleTest case by GTEST_SKIP() << reason, a script by a line
# `skipped: reason` before it exits with the code 77. One that does not is a failure.

function attribute(line, name,    at, rest) {
  at = index(line, " " name "=\"")
  if (at == 0) return ""
  rest = substr(line, at + length(name) + 3)
  return substr(rest, 1, index(rest, "\"") - 1)
}

function plain(text) {
  gsub(/&#x0[AaDd];/, " ", text)
  gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&quot;/, "\"", text)
  gsub(/&apos;/, "'", text); gsub(/&amp;/, "\\&", text)
  sub(/^[ \t\r]+/, "", text); sub(/[ \t\r]+$/, "", text)
  return text
}

function pass() { passed++ }
function fail(name, why) { failed++; print "FAILED " name (why == "" ? "" : ": " why) }
function skip(name, reason) {
  if (reason == "") {
    fail(name, "skipped without a reason")
  } else {
    skipped++
    print "SKIPPED " name ": " reason
  }
}

# Closes the GoogleTest case that is open.
function close_case() {
  if (case_name == "") return
  case_count++
  if (case_failed) { fail(case_name, ""); case_failures++ }
  else if (case_result == "skipped") skip(case_name, case_reason)
  else if (case_result == "suppressed") skip(case_name, "")
  else if (case_result == "completed") pass()
  else fail(case_name, "not run")
  case_name = ""
}

# Counts the cases of a GoogleTest program; answers whether it left a complete file.
function count_program(name,    file, line, complete, in_text) {
  file = results "/" name ".xml"
  complete = 0; in_text = 0; case_failures = 0; case_count = 0; case_name = ""
  while ((getline line < file) > 0) {
    if (in_text) { # what a test printed may look like anything
      if (index(line, "]]>")) in_text = 0
      continue
    }
    if (line ~ /^ *<testcase /) {
      close_case()
      case_name = attribute(line, "classname") "." attribute(line, "name")
      case_result = attribute(line, "result"); case_reason = ""; case_failed = 0
    } else if (line ~ /^ *<failure[ >]/) {
      case_failed = 1
    } else if (line ~ /^ *<skipped[ >]/) {
      case_reason = attribute(line, "message")
      sub(/^[^&]*&#x0A;/, "", case_reason) # file and line
      case_reason = plain(case_reason)
    } else if (line ~ /^<\/testsuites>/) {
      complete = 1
    }
    if (line ~ /<!\[CDATA\[/ && !index(line, "]]>")) in_text = 1
  }
  close(file)
  close_case()
  return complete
}

function close_test() {
  if (test_name == "") return
  if (count_program(test_name)) {
    if (test_status != "run" && case_failures == 0) fail(test_name, "ended with an error outside its cases")
    else if (case_count == 0 && !filtered) fail(test_name, "has no cases")
  } else if (test_status == "run") {
    pass()
  } else if (test_skipped) {
    skip(test_name, test_reason)
  } else {
    fail(test_name, test_why)
  }
  test_name = ""
}

/^\t<testcase / {
  close_test()
  test_name = attribute($0, "name"); test_status = attribute($0, "status")
  test_skipped = 0; test_reason = ""; test_why = test_status == "fail" ? "" : test_status
  next
}
/^\t\t<skipped message="SKIP_RETURN_CODE/ { test_skipped = 1; next }
/^\t\t<skipped message=/ { test_why = plain(attribute($0, "message")); next }
/^(\t\t<system-out>)?skipped: / && test_reason == "" {
  test_reason = $0
  sub(/^(\t\t<system-out>)?skipped: /, "", test_reason)
  sub(/<\/system-out>$/, "", test_reason)
  test_reason = plain(test_reason)
}
/^\ttests="0"$/ { no_tests = 1 }
/^<\/testsuite>/ { junit_complete = 1 }

END {
  close_test()
  if (no_tests) fail("ctest", "no test ran")
  else if (!junit_complete) fail("ctest", "its report is missing or not complete")
  print "TOTAL " passed + 0 " " failed + 0 " " skipped + 0
}
