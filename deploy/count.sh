# Sourced by test.sh: runs a test runner, shows its output, and adds up what it reports.

PASSED=0
FAILED=0

# counted NAME COMMAND...: the runner's exit code decides; its summary lines give the numbers.
counted() {
    local name=$1 log code passed failed
    shift
    mkdir -p "$LOGS"
    log="$LOGS/tests-$(printf '%s' "$name" | tr -cs 'A-Za-z0-9\n' '-').log"
    "$@" 2>&1 | tee "$log"
    code=${PIPESTATUS[0]}
    read -r passed failed < <(sed 's/\x1b\[[0-9;]*m//g' "$log" | summary_numbers)
    PASSED=$((PASSED + passed))
    FAILED=$((FAILED + failed))
    [ "$code" -eq 0 ] || BROKEN="$BROKEN${BROKEN:+, }$name"
}

# The summary lines of nextest ("Summary …: 3 passed, 1 failed"), cargo test ("test result: …
# 3 passed; 1 failed"), vitest ("Tests  1 failed | 3 passed (4)") and Playwright ("  3 passed (2s)").
summary_numbers() {
    awk '
        function number(word,   at) { return match($0, "[0-9]+ " word) ? substr($0, RSTART) + 0 : 0 }
        /^ *Summary \[/ || /^test result:/ || /^ *Tests  / || /^ +[0-9]+ (passed|failed)( \(|$)/ {
            passed += number("passed"); failed += number("failed")
        }
        END { print passed + 0, failed + 0 }'
}

# Tests that a plain run leaves out, each with the reason that stands beside it. Those that another test starts are not
# among them: they did run.
report_skipped() {
    local reasons
    reasons=$(git -C "$ROOT" grep -hoE '#\[ignore = "[^"]*"' -- '*.rs' | cut -d'"' -f2 | grep -v '^started by')
    [ -z "${NO_ENGINE:-}" ] || printf '%d skipped with a container engine: %s\n' "$(engine_tests engine)" "$NO_ENGINE"
    [ -z "${NO_PODMAN:-}" ] || printf '%d skipped with Podman: %s\n' "$(engine_tests podman)" "$NO_PODMAN"
    [ -z "$reasons" ] || printf '%d skipped:\n%s\n' "$(wc -l <<<"$reasons")" "$(sed 's/^/  /' <<<"$reasons")"
}

report_counts() {
    report_skipped
    printf '\n%s%d passed, %d failed%s\n' "$BOLD" "$PASSED" "$FAILED" "$PLAIN"
    [ -z "$BROKEN" ] || { printf 'failed: %s\n' "$BROKEN" >&2; exit 1; }
}
