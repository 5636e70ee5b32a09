# Sourced by the scripts of ci/: where things are, and how what they need gets there.
#
# Every need_ function returns 0 once the thing is there, installs it if it can, and otherwise
# says why not on standard output and returns 1.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-$ROOT/target}")
export CARGO_TARGET_DIR
# What is installed for this tree only.
CI_HOME=$CARGO_TARGET_DIR/ci
VENV=$CI_HOME/venv
PYTHON=$VENV/bin/python
# cargo finds its subcommands (nextest, deny) in PATH.
export PATH=$VENV/bin:$PATH
mkdir -p "$CI_HOME"

# need_deb PACKAGE...: Debian packages, if this is a Debian and we may install.
need_deb() {
    local missing=() package
    for package; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
        echo "needs ${missing[*]}, and nothing can be installed without apt-get and root"
        return 1
    fi
    if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive \
        apt-get install -qy --no-install-recommends "${missing[@]}"; } >"$CI_HOME/apt.log" 2>&1; then
        echo "apt-get cannot install ${missing[*]}: $(tail -n 1 "$CI_HOME/apt.log")"
        return 1
    fi
}

# need_venv: a virtual environment of our own.
need_venv() {
    [ -x "$PYTHON" ] && "$PYTHON" -m pip --version >/dev/null 2>&1 && return 0
    rm -rf "$VENV"
    if ! python3 -m venv "$VENV" >"$CI_HOME/venv.log" 2>&1; then
        need_deb python3 python3-venv || return 1
        rm -rf "$VENV"
        if ! python3 -m venv "$VENV" >"$CI_HOME/venv.log" 2>&1; then
            echo "no virtual environment can be made: $(tail -n 1 "$CI_HOME/venv.log")"
            return 1
        fi
    fi
}

# need_pip NAME...: packages in the version that ci/requirements.txt names.
need_pip() {
    local name wanted=() have
    need_venv || return 1
    have=$("$PYTHON" -m pip freeze --disable-pip-version-check)
    for name; do
        grep -i "^$name==" "$ROOT/ci/requirements.txt" | grep -qixFf - <(echo "$have") ||
            wanted+=("$name")
    done
    [ ${#wanted[@]} -eq 0 ] && return 0
    if ! "$PYTHON" -m pip install -q --disable-pip-version-check \
        -c "$ROOT/ci/requirements.txt" "${wanted[@]}" >"$CI_HOME/pip.log" 2>&1; then
        echo "pip cannot install ${wanted[*]}: $(tail -n 1 "$CI_HOME/pip.log")"
        return 1
    fi
}

# need_fuzzer: what build_fuzzer needs.
need_fuzzer() {
    local host libraries
    host=$(rustc -vV | sed -n 's/^host: //p')
    libraries=$(rustc --print sysroot)/lib/rustlib/$host/lib
    if ! compgen -G "$libraries/librustc-*_rt.asan.a" >/dev/null; then
        echo "AddressSanitizer's run time is not in this toolchain"
        return 1
    fi
    command -v "${CXX:-c++}" >/dev/null || need_deb g++
}

# build_fuzzer [TARGET...]: the programs that fuzz, into the folder $FUZZER. The stable toolchain can build them,
# but only lets itself be told so with RUSTC_BOOTSTRAP. The flags are those of cargo-fuzz.
build_fuzzer() {
    local host flags bins=(--bin seeds) target
    host=$(rustc -vV | sed -n 's/^host: //p')
    for target; do bins+=(--bin "fuzz_$target"); done
    flags="-Zsanitizer=address -Cpasses=sancov-module"
    flags+=" -Cllvm-args=-sanitizer-coverage-level=4"
    flags+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
    flags+=" -Cllvm-args=-sanitizer-coverage-pc-table"
    flags+=" -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing"
    FUZZER=$CARGO_TARGET_DIR/fuzz/$host/fuzz
    CARGO_TARGET_DIR=$CARGO_TARGET_DIR/fuzz RUSTC_BOOTSTRAP=1 RUSTFLAGS=$flags CARGO_INCREMENTAL=0 \
        cargo build --locked -p ringmq-fuzz --profile fuzz --features libfuzzer --target "$host" \
        "${bins[@]}" >&2
}

# build_release PROGRAM...: programs that the scripts drive, in the release profile, each called as its package.
# All of these packages are named, whichever is wanted, so that each script builds what they share in the same way.
build_release() {
    local flags=(-p ringmq-bench -p ringmq-peer) program
    for program; do flags+=(--bin "$program"); done
    cargo build --release --locked --manifest-path "$ROOT/Cargo.toml" "${flags[@]}" >&2
}
