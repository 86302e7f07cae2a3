#!/usr/bin/env bash
# Looks for advisories about dependencies, and for crates that were yanked. The database is a git
# repository: where it cannot be had, this says so and is no failure; a finding is one.
set -euo pipefail
cd "$(dirname "$0")/.."
deny=${CARGO_DENY:-.tools/bin/cargo-deny}
if ! why=$("$deny" --locked fetch db 2>&1); then
  printf 'deny: advisories and yanked crates were NOT checked, the database cannot be had: %s\n' "$(printf '%s' "$why" | tail -n 1)"
  exit 0
fi
exec "$deny" --locked --workspace check advisories
