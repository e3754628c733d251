# What the scripts of the tests share. Sourced, not run.
# shellcheck shell=bash

step() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }

# Installs Debian packages for commands that are missing; without root or apt the tests that need them skip loudly.
need() {
    local command=$1 package=$2
    command -v "$command" >/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        step "installing $package"
        apt-get update -qq >/dev/null || true
        # Nothing it brings is started: the tests run private servers of their own.
        DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "$package" >/dev/null || true
    fi
    command -v "$command" >/dev/null || echo "warning: $command is missing (Debian package $package); tests that need it are skipped" >&2
}
