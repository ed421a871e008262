#!/usr/bin/env bash
# `make fuzz`: every decoder that reads from the network, fed with noise for so many seconds each (60, or the
# argument). Needs the nightly compiler, because only it can count which branches an input reached. Not part of
# `make test`; the committed corpora are read and never changed.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

SECONDS_EACH="${1:-60}"
PLACE="$ROOT/fuzz"
MACHINE="$(uname -m)-unknown-linux-gnu"
# What cargo-fuzz sets: count edges, and tell the fuzzer what comparisons compare.
COUNTED="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
COUNTED="$COUNTED -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"

[[ $SECONDS_EACH =~ ^[1-9][0-9]*$ ]] || die "'$SECONDS_EACH' is no number of seconds" 'for example: make fuzz ARGS="30"'
cargo +nightly --version >/dev/null 2>&1 || die "the nightly compiler is missing" "rustup toolchain install nightly"

build() { cd "$PLACE" && RUSTFLAGS="$COUNTED" CARGO_TARGET_DIR="$PLACE/target" cargo +nightly build --locked --target "$MACHINE"; }

# One target; what it found stays for whoever wants to look.
feed() {
    local found="$RUN/fuzz/$1"
    mkdir -p "$found"
    "$PLACE/target/$MACHINE/debug/$1" -max_total_time="$SECONDS_EACH" -rss_limit_mb=2048 -timeout=10 \
        -artifact_prefix="$found/crash-" "$found" "$PLACE/corpus/$1" 2>&1 | tee "$RUN/fuzz/$1.log"
}

step_live "fuzz targets (cargo +nightly build)" build
for corpus in "$PLACE"/corpus/*/; do
    target=$(basename "$corpus")
    step "$target, $SECONDS_EACH s" feed "$target"
    note "$(grep -Eo '^Done [0-9]+ runs' "$RUN/fuzz/$target.log")"
done
