#!/usr/bin/env bash
# May everything that this project is built from be in it? deny.toml says what may.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools=$PWD/${CARGO_TARGET_DIR:-target}/ci-tools
case ${CARGO_TARGET_DIR:-} in /*) tools=$CARGO_TARGET_DIR/ci-tools ;; esac
PATH=$PATH:$tools/bin
if ! command -v cargo-deny >/dev/null; then
  # Unoptimised: it is built in half the time, and runs for two seconds.
  cargo install cargo-deny --locked --debug --root "$tools"
fi
cargo deny --locked check bans licenses sources

# The advisories are a repository of their own, which not every machine can reach.
if cargo deny fetch db 2>/dev/null; then
  cargo deny --locked check advisories
else
  echo "audit: the advisory database cannot be reached from here; advisories were not checked" >&2
fi
