#!/usr/bin/env bash
# Real clients against a real API: starts one on a free loopback port with a folder of its own, fills it over HTTP,
# runs each client, then the linters of the schema, and stops what it started.
#   tests/clients/run.sh            all        tests/clients/run.sh urql lint    only these
set -euo pipefail
cd "$(dirname "$0")"
ROOT=$(cd ../.. && pwd)
VENV=${VENV:-$ROOT/.venv}
ALL=(apollo urql relay codegen ariadne streams http lint)
WANTED=("${@:-${ALL[@]}}")

WORK=$(mktemp -d "${TMPDIR:-/tmp}/lab-tutor-clients.XXXXXX")
RESULTS=$WORK/results
SERVER=
: > "$RESULTS"

cleanup() {
  local status=$?
  trap - EXIT
  if [[ -n $SERVER ]]; then kill "$SERVER" 2> /dev/null || true; wait "$SERVER" 2> /dev/null || true; fi
  rm -rf "$WORK"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for tool in node npm; do
  command -v "$tool" > /dev/null || { echo "$tool is needed (Node.js 20 or newer)" >&2; exit 1; }
done

# Installs a client's locked packages, once for each lock file; the copy of the lock is written last.
install_node() {
  cmp -s "$1/package-lock.json" "$1/node_modules/.lock-installed" && return
  (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) > "$WORK/npm.log" 2>&1 \
    || { cat "$WORK/npm.log" >&2; return 1; }
  cp "$1/package-lock.json" "$1/node_modules/.lock-installed"
}

install_python() {
  cmp -s "$1/requirements.lock" "$1/.venv/.lock-installed" && return
  "$VENV/bin/python" -m venv --clear "$1/.venv" || return
  "$1/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$1/requirements.lock" || return
  cp "$1/requirements.lock" "$1/.venv/.lock-installed"
}

# A client that fell over before it could check anything still counts as a failure.
client() {
  local name=$1 before status=0
  shift
  before=$(grep -c '^FAIL ' "$RESULTS" || true)
  "$@" 2>&1 | tee -a "$RESULTS" || status=$?
  if [[ $status -ne 0 && $(grep -c '^FAIL ' "$RESULTS" || true) -eq $before ]]; then
    echo "FAIL $name: ended with $status" | tee -a "$RESULTS"
  fi
}

run_apollo() { install_node apollo && node apollo/check.mjs; }
run_streams() { install_node streams && node streams/check.mjs; }
run_http() { install_node http && node http/check.mjs; }
run_urql() { install_node urql && node urql/check.mjs; }
run_relay() {
  install_node relay || return
  # What the compiler writes is CommonJS: its ES modules leave out file endings, which only bundlers take.
  mkdir -p relay/__generated__ && echo '{ "type": "commonjs" }' > relay/__generated__/package.json
  (cd relay && node_modules/.bin/relay-compiler > "$WORK/relay.log" 2>&1) || { cat "$WORK/relay.log"; return 1; }
  echo "ok   relay: relay-compiler takes the schema and the operations"
  node relay/check.js
}
run_codegen() {
  install_node codegen || return
  (cd codegen && node_modules/.bin/graphql-codegen > "$WORK/codegen.log" 2>&1) || { cat "$WORK/codegen.log"; return 1; }
  echo "ok   codegen: graphql-codegen writes the client preset"
  (cd codegen && node_modules/.bin/tsc --strict --noEmit) || return
  echo "ok   codegen: tsc --strict takes the program and what was generated"
  (cd codegen && node_modules/.bin/tsc --outDir "$WORK/codegen" && ln -s "$PWD/node_modules" "$WORK/codegen/node_modules")
  node "$WORK/codegen/check.js"
}
run_ariadne() {
  install_python ariadne || return
  (cd ariadne && rm -rf generated && .venv/bin/ariadne-codegen > "$WORK/ariadne.log" 2>&1) || { cat "$WORK/ariadne.log"; return 1; }
  echo "ok   ariadne: ariadne-codegen writes the client"
  (cd ariadne && .venv/bin/python check.py)
}
run_lint() {
  install_node lint || return
  local status=0
  # From the root: eslint looks at nothing outside the folder it runs in. Any warning, such as an ignored file, fails.
  (cd "$ROOT" && tests/clients/lint/node_modules/.bin/eslint --max-warnings 0 --config tests/clients/lint/eslint.config.js schema.graphql) \
    && echo "ok   lint: graphql-eslint, rule sets schema-all and schema-relay" \
    || { echo "FAIL lint: graphql-eslint"; status=1; }
  (cd "$ROOT" && tests/clients/lint/node_modules/.bin/graphql-schema-linter schema.graphql > "$WORK/linter.log" 2>&1) \
    && echo "ok   lint: graphql-schema-linter, all rules" \
    || { cat "$WORK/linter.log"; echo "FAIL lint: graphql-schema-linter"; status=1; }
  return "$status"
}

needs_server() { local name; for name in "${WANTED[@]}"; do [[ $name == lint ]] || return 0; done; return 1; }

if needs_server; then
  PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  # In an empty folder: no .env of a developer decides what the clients meet.
  (
    cd "$WORK"
    while read -r name; do unset "$name"; done < <(compgen -v LAB_TUTOR_)
    export LAB_TUTOR_DATA_FOLDER=$WORK/data LAB_TUTOR_TEACHER_REGISTRATION=true LAB_TUTOR_GRAPH_REQUIRED=true
    export LAB_TUTOR_ARGON2_MEMORY_KIB=8192 LAB_TUTOR_ARGON2_TIME_COST=1 LAB_TUTOR_INLINE_DEADLINE_SECONDS=10
    "$VENV/bin/lab-tutor" migrate
    exec "$VENV/bin/lab-tutor" serve --host 127.0.0.1 --port "$PORT"
  ) > "$WORK/server.log" 2>&1 &
  SERVER=$!
  for attempt in $(seq 360); do
    curl --silent --fail --output /dev/null "http://127.0.0.1:$PORT/readyz" && break
    kill -0 "$SERVER" 2> /dev/null && [[ $attempt -lt 360 ]] || { echo "the API does not start (or takes longer than three minutes):" >&2; cat "$WORK/server.log" >&2; exit 1; }
    sleep 0.5
  done
  export LAB_TUTOR_CLIENTS_URL=http://127.0.0.1:$PORT/graphql LAB_TUTOR_CLIENTS_SEED=$WORK/seed.json
  node shared/seed.mjs "$LAB_TUTOR_CLIENTS_URL" "$LAB_TUTOR_CLIENTS_SEED"
fi

for name in "${WANTED[@]}"; do
  declare -F "run_$name" > /dev/null || { echo "there is no client $name; there are: ${ALL[*]}" >&2; exit 1; }
  client "$name" "run_$name"
done

PASSED=$(grep -c '^ok ' "$RESULTS" || true)
FAILED=$(grep -c '^FAIL ' "$RESULTS" || true)
[[ $FAILED -eq 0 || -z $SERVER ]] || { echo "--- the end of the API's log"; tail -n 20 "$WORK/server.log"; }
echo "$PASSED passed, $FAILED failed"
[[ $FAILED -eq 0 && $PASSED -gt 0 ]]
