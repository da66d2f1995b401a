#!/usr/bin/env bash
# Looks for known vulnerabilities in the locked dependencies, and says plainly when nobody could be asked.
#   scripts/audit.sh PIP_AUDIT [lock ...]
# Exit code: 0 none known, 1 some are known, 3 the service that knows them does not answer from here.
set -uo pipefail
AUDIT=$1; shift
STATUS=0
for lock in "${@:-requirements.lock}"; do
  answer=$("$AUDIT" --strict --require-hashes --disable-pip --progress-spinner off -r "$lock" 2>&1)
  code=$?
  if grep -qE 'could not be audited|ConnectionError|Max retries exceeded|ServiceError|Name or service not known' <<< "$answer"; then
    echo "$lock: NOT AUDITED. The service of known vulnerabilities does not answer from this machine, or knows nothing of" >&2
    echo "these packages: whether one of them is vulnerable is not known. Run make audit where it can be reached." >&2
    grep -E 'could not be audited|Error' <<< "$answer" | tail -n 1 | cut -c1-200 >&2
    exit 3
  fi
  echo "$lock: $answer"
  [[ $code -eq 0 ]] || STATUS=1
done
exit "$STATUS"
