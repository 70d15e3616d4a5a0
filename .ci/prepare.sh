#!/usr/bin/env bash
# Is everything here that the checks need? Installs Debian packages where something is missing.
set -euo pipefail

command -v cargo >/dev/null || {
  echo "cargo is missing: install Rust, https://rustup.rs" >&2
  exit 1
}

# What has to be there, and the package that has it.
missing=()
need() { if ! eval "$1" >/dev/null 2>&1; then missing+=("$2"); fi; }
need 'command -v cc' gcc
need 'command -v gcc' gcc
need 'command -v make' make
need 'command -v git' git
need 'command -v qemu-system-x86_64' qemu-system-x86
need 'command -v busybox && ! ldd "$(command -v busybox)"' busybox-static
need 'command -v cpio' cpio
need 'command -v depmod || test -x /sbin/depmod' kmod
need 'command -v mke2fs || test -x /sbin/mke2fs' e2fsprogs
need 'command -v strace' strace
need 'command -v ip || test -x /sbin/ip' iproute2
need 'command -v nft || test -x /usr/sbin/nft' nftables
need 'command -v etcd' etcd-server
need 'ls /usr/src/linux-headers-*-amd64/Makefile' linux-headers-amd64
need 'test -e /usr/lib/x86_64-linux-gnu/libc.a' libc6-dev

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# The kernel lab downloads the kernel's package, too, so that the lists must be there in any case.
if [ ${#missing[@]} -gt 0 ] || ! ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1; then
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get update -qq
fi
if [ ${#missing[@]} -gt 0 ]; then
  echo "installing ${missing[*]}"
  as_root apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
for component in rustfmt clippy; do
  cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$component"
done
cargo --version
rustc --version
