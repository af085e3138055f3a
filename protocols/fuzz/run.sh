#!/bin/sh
# Fuzzes one target, which fuzz_targets/ has, for SECONDS (default 60) on stable Rust:
#   protocols/fuzz/run.sh TARGET [SECONDS [libFuzzer's own arguments]]
# The corpus grows from run to run. A finding is left in artifacts/ and makes the exit code non-zero; run it again with
#   protocols/fuzz/run.sh TARGET 0 artifacts/NAME
set -eu
cd "$(dirname "$0")"
target=${1:-}
[ $# -gt 0 ] && shift
seconds=${1:-60}
[ $# -gt 0 ] && shift

if [ ! -f "fuzz_targets/$target.rs" ]; then
    echo "run.sh: there is no target '$target'; there is" $(ls fuzz_targets | sed 's/\.rs$//') >&2
    exit 2
fi
case $seconds in
'' | *[!0-9]*)
    echo "run.sh: '$seconds' is not a number of seconds" >&2
    exit 2
    ;;
esac
for tool in cargo "${CXX:-g++}"; do
    if ! command -v "$tool" >/dev/null; then
        echo "run.sh: $tool is missing; install Rust and a C++ compiler (Debian: apt-get install g++)" >&2
        exit 2
    fi
done

# What LLVM's SanitizerCoverage needs to tell libFuzzer where the code goes. No sanitizer: the code is safe Rust, and those need a
# nightly compiler. The flags must not reach build scripts and macros, so the host is named as a target.
flags="-Cpasses=sancov-module
-Cllvm-args=-sanitizer-coverage-level=4
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters
-Cllvm-args=-sanitizer-coverage-pc-table
-Cllvm-args=-sanitizer-coverage-trace-compares
-Cllvm-args=-simplifycfg-branch-fold-threshold=0
-Ccodegen-units=1
-Cdebug-assertions
-Coverflow-checks
--cfg=fuzzing"
host=$(rustc -vV | sed -n 's/^host: //p')
: "${CARGO_TARGET_DIR:=$PWD/target}"
export CARGO_TARGET_DIR="$CARGO_TARGET_DIR/fuzz"

echo "run.sh: building the fuzz target '$target' with coverage instrumentation"
RUSTFLAGS=$(echo "$flags" | tr '\n' ' ') cargo build --release --target "$host" --bin "$target"

mkdir -p corpus/$target artifacts
binary=$CARGO_TARGET_DIR/$host/release/$target
if [ "$seconds" = 0 ]; then
    echo "run.sh: running $*"
    exec "$binary" "$@"
fi
# What the fuzzer would be long in finding by itself: words, and inputs to begin with.
[ ! -f fuzz_targets/$target.dict ] || set -- "-dict=fuzz_targets/$target.dict" "$@"
set -- "$@" corpus/$target
[ ! -d seeds/$target ] || set -- "$@" seeds/$target
echo "run.sh: fuzzing '$target' for $seconds s; corpus in $PWD/corpus/$target"
status=0
"$binary" -max_total_time="$seconds" -max_len=4096 -len_control=20 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$PWD/artifacts/$target-" "$@" || status=$?
if [ $status -ne 0 ]; then
    echo "run.sh: FINDING: libFuzzer ended with $status; the input is named above, in $PWD/artifacts" >&2
    ls -t artifacts | sed -n '1s|^|run.sh: newest artifact: artifacts/|p' >&2
    exit $status
fi
echo "run.sh: no finding in $seconds s"
