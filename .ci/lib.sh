# What the verbs share. Sourced, never run.

# shellcheck source=toolchains
source "$(dirname "${BASH_SOURCE[0]}")/toolchains"

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/picojaeger"

# One toolchain and one target folder for every package, inside and outside the workspace.
export RUSTUP_TOOLCHAIN="$STABLE"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$ROOT/target}"
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}"
# The workspace's profile, for the packages outside it too: a whole run fills one disk.
export CARGO_PROFILE_DEV_DEBUG=line-tables-only
# What only a second build would read takes gigabytes of a CI machine's disk.
if [[ ${CI:-} == true ]]; then
    export CARGO_INCREMENTAL=0
fi

fail() {
    echo "error: $*" >&2
    exit 1
}

# need_toolchain TOOLCHAIN COMPONENT…: installs what is missing of it.
need_toolchain() {
    local toolchain=$1 component installed
    shift
    rustup run "$toolchain" rustc --version >/dev/null 2>&1 ||
        rustup toolchain install "$toolchain" --profile minimal --no-self-update
    installed=$(rustup component list --toolchain "$toolchain" --installed)
    for component in "$@"; do
        grep -qE "^$component(-|$)" <<<"$installed" || rustup component add --toolchain "$toolchain" "$component"
    done
}

# need_targets TARGET…: installs the targets of the stable toolchain that are missing.
need_targets() {
    local installed target
    installed=$(rustup target list --toolchain "$STABLE" --installed)
    for target in "$@"; do
        grep -qx "$target" <<<"$installed" || rustup target add --toolchain "$STABLE" "$target"
    done
}

# need_commands COMMAND:PACKAGE…: installs the Debian packages of the commands that are missing.
need_commands() {
    local pair packages=()
    for pair in "$@"; do
        command -v "${pair%%:*}" >/dev/null || packages+=("${pair#*:}")
    done
    ((${#packages[@]})) || return 0
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
}

# within STARTED LIMIT COMMAND…: runs the command, for what is left of LIMIT seconds since STARTED.
within() {
    local left=$(($2 - (SECONDS - $1)))
    ((left > 0)) || fail "$2 s are over before: ${*:3}"
    timeout "$left" "${@:3}"
}

# packages_apart: the folders of the packages outside the workspace.
packages_apart() {
    local manifest
    for manifest in {benches,benches/services,tests/compile-fail,tests/fuzz}/Cargo.toml examples/*/Cargo.toml \
        examples/cortex-m/*/Cargo.toml; do
        [[ -f $manifest ]] && dirname "$manifest"
    done
    return 0
}
