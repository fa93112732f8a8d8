#!/usr/bin/env bash
# base-images.sh [SUITE]: makes the two images the build starts from, where none can be pulled: officesync-base:SUITE from
# Debian's packages (debootstrap), and officesync-rust:SUITE, the same with the Rust toolchain of this machine.
# Needs root. An image that is there already is kept.
set -euo pipefail

suite=${1:-${DEBIAN:-bookworm}}
docker=${DOCKER:-docker}
work=
finish() { if [ -n "$work" ]; then rm -rf "$work"; fi; }
trap finish EXIT

has() { "$docker" image inspect "$1" >/dev/null 2>&1; }

unpack() {
    [ -z "$work" ] || return 0
    [ "$(id -u)" -eq 0 ] || { echo "docker: debootstrap needs root" >&2; exit 1; }
    command -v debootstrap >/dev/null || { echo "docker: debootstrap is missing: apt-get install debootstrap" >&2; exit 1; }
    echo "docker: making a Debian $suite image with debootstrap"
    work=$(mktemp -d "${TMPDIR:-/tmp}/officesync-base.XXXXXX")
    debootstrap --variant=minbase "$suite" "$work/root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$work/log" || { tail -n 20 "$work/log"; exit 1; }
    rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/* "$work"/root/usr/share/{doc,man,locale}/*
}

if ! has "officesync-base:$suite"; then
    unpack
    tar -C "$work/root" -c . | "$docker" import --change 'CMD ["bash"]' - "officesync-base:$suite" >/dev/null
fi
if ! has "officesync-rust:$suite"; then
    unpack
    rust=$(rustc --print sysroot)
    # A distribution's own Rust lies among everything else.
    [ -d "$rust/lib/rustlib" ] && [ "$rust" != /usr ] && [ "$rust" != /usr/local ] ||
        { echo "docker: no toolchain of its own at $rust: install Rust with rustup, or set RUST_IMAGE" >&2; exit 1; }
    mkdir -p "$work/root/usr/local/rust" "$work/root/etc/ssl/certs"
    cp -a "$rust/bin" "$rust/lib" "$work/root/usr/local/rust/"
    # Whom this machine trusts, the build trusts; the images that are shipped are not made from this one.
    cp -L /etc/ssl/certs/ca-certificates.crt "$work/root/usr/local/rust/authorities.pem"
    tar -C "$work/root" -c . | "$docker" import \
        --change 'ENV PATH=/usr/local/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        --change 'ENV CARGO_HTTP_CAINFO=/usr/local/rust/authorities.pem' \
        --change 'CMD ["bash"]' - "officesync-rust:$suite" >/dev/null
fi
