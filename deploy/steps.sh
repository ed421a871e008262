# Sourced by the other scripts here: one line per step with its time, one sentence per failure.
# Sets ROOT (the checkout), RUN (.run) and RUNTIME; needs bash.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
RUN="$ROOT/.run"
# With links resolved: the user PostgreSQL runs as may be unable to follow them.
RUNTIME="$(readlink -m "${CHATOPS_RUNTIME:-$RUN/runtime}")"
LOGS="$RUN/log"

if [ -t 1 ]; then
    BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m' REWRITE=$'\r\e[K'
else
    BOLD='' DIM='' RED='' GREEN='' PLAIN='' REWRITE=''
fi

heading() { printf '\n%s== %s ==%s\n' "$BOLD" "$*" "$PLAIN"; }

note() { printf '  %s%s%s\n' "$DIM" "$*" "$PLAIN"; }

# The caller's own stderr, so that the one sentence of `die` is seen from inside a silenced step.
exec 3>&2
EXPLAINED=70

# Ends the script: what is wrong, then what to do about it.
die() {
    printf '%s%serror:%s %s\n' "$REWRITE" "$RED" "$PLAIN" "$1" >&3
    [ $# -lt 2 ] || printf '  what to do: %s\n' "$2" >&3
    exit "$EXPLAINED"
}

now_ms() { local t=${EPOCHREALTIME/[.,]/}; echo $((t / 1000)); }

elapsed() { local ms=$(($(now_ms) - $1)); printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100)); }

# step TITLE COMMAND...: runs quietly in a subshell that stops at the first error; its output goes
# to a log whose end is shown when it fails. A failed step ends the script: never write `step … ||`
# (bash would then ignore errors inside the command); recovery belongs into the command.
step() {
    local title=$1 log started code=0
    shift
    mkdir -p "$LOGS"
    log="$LOGS/$(printf '%s' "$title" | tr -cs 'A-Za-z0-9.\n' '-').log"
    started=$(now_ms)
    [ -z "$REWRITE" ] && printf '  .. %s\n' "$title" || printf '  %s..%s %s' "$DIM" "$PLAIN" "$title"
    set +e
    (set -e; "$@") >"$log" 2>&1
    code=$?
    set -e
    if [ "$code" -ne 0 ]; then
        printf '%s  %sfailed%s %s (%s)\n' "$REWRITE" "$RED" "$PLAIN" "$title" "$(elapsed "$started")" >&2
        [ "$code" -eq "$EXPLAINED" ] || tail -n 25 "$log" | sed -e 's/\x1b\[[0-9;]*m//g' -e 's/^/    | /' >&2
        note "whole log: $log" >&2
        exit "$code"
    fi
    printf '%s  %sok%s %s (%s)\n' "$REWRITE" "$GREEN" "$PLAIN" "$title" "$(elapsed "$started")"
}

# step_live TITLE COMMAND...: for long work that reports its own progress (cargo, npm, tests).
step_live() {
    local title=$1 started code=0
    shift
    started=$(now_ms)
    printf '  .. %s\n' "$title"
    set +e
    (set -e; "$@")
    code=$?
    set -e
    if [ "$code" -ne 0 ]; then
        printf '  %sfailed%s %s (%s)\n' "$RED" "$PLAIN" "$title" "$(elapsed "$started")" >&2
        exit "$code"
    fi
    printf '  %sok%s %s (%s)\n' "$GREEN" "$PLAIN" "$title" "$(elapsed "$started")"
}

BROKEN=''

# attempt NAME COMMAND...: for a list of independent parts; a failed one is remembered in BROKEN
# and the script goes on. COMMAND may be a function that uses `step`.
attempt() {
    local name=$1 code
    shift
    set +e
    (set -e; "$@")
    code=$?
    set -e
    [ "$code" -eq 0 ] || BROKEN="$BROKEN${BROKEN:+, }$name"
}
