#!/usr/bin/env bash
# Rebuilds the browser side into a new folder and compares every byte with what is committed.
set -euo pipefail
cd "$(dirname "$0")"
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
[[ -d node_modules ]] || npm ci --ignore-scripts --no-audit --no-fund
npx --no-install tsc --noEmit
node build.mjs "$built/static" > /dev/null
if ! diff -r "$built/static" ../graphql_api/static; then
  echo "graphql_api/static is not what ui/ builds: run make -C ui and commit the result" >&2
  exit 1
fi
echo "graphql_api/static is what ui/ builds"
