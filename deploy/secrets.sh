#!/usr/bin/env bash
# `secrets.sh FOLDER [WHO...]`: the last step of `make test`. FOLDER holds what a run of all tests left
# (testkit/src/evidence.rs): logs/*.log of every process, those of the tests themselves among them;
# secrets/*.tsv with "kind<tab>value" lines.
# Fails when a secret is in a log, naming file, line and kind, never the secret itself; and when there
# is nothing to search, or no log of somebody in WHO: a search of nothing proves nothing.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

[ -d "${1:-}" ] || die "there is no folder '${1:-}' to search" "use: secrets.sh FOLDER [WHO...]"
FOLDER=$1
shift
# Everything here stays readable by this user alone.
umask 077
export LC_ALL=C

for who in "$@"; do
    compgen -G "$FOLDER/logs/$who-*.log" >/dev/null || die "no log of $who was left to search" "see testkit/src/evidence.rs and deploy/e2e.sh"
done
KINDS="$FOLDER/kinds"
VALUES="$FOLDER/values"
cat "$FOLDER"/secrets/*.tsv 2>/dev/null | awk -F '\t' 'NF == 2 && length($2) >= 12 && !known[$2]++' >"$KINDS" || true
cut -f2 "$KINDS" >"$VALUES"
secrets=$(wc -l <"$VALUES")
logs=$(find "$FOLDER/logs" -name '*.log' -size +0 2>/dev/null | wc -l)
if [ "$secrets" -eq 0 ] || [ "$logs" -eq 0 ]; then
    die "$secrets secrets and $logs logs were left by the tests" "run it as the last step of make test"
fi

# grep prints "file:line:secret"; the secret is replaced by its kind before anybody sees it.
found=$({ cd "$FOLDER/logs" && grep -rnoaF -f "$VALUES" . || [ $? -eq 1 ]; } | awk -F '\t' '
    NR == FNR { kind[$2] = $1; next }
    {
        line = $0
        file = substr(line, 1, index(line, ":") - 1)
        line = substr(line, length(file) + 2)
        number = substr(line, 1, index(line, ":") - 1)
        what = kind[substr(line, length(number) + 2)]
        print substr(file, 3) ":" number ": " (what == "" ? "a secret" : what)
    }' "$KINDS" -)
if [ -n "$found" ]; then
    head -n 20 <<<"$found" | sed 's/^/    | /' >&2
    die "secrets are in logs: $(wc -l <<<"$found") places" "keep them out of the log line; \`kind\` is the field or the setting it came from"
fi
note "$secrets secrets are in none of $logs logs"
