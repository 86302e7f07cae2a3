#!/usr/bin/env bash
# The demo on this machine: builds the filter, starts the provider, the upstream and Envoy, tells the
# story, and stays up until Ctrl-C. With ONCE=1 it ends after the story.
#
# Its ports on 127.0.0.1 can be chosen: API_PORT, ADMIN_PORT, PROVIDER_PORT, CONTROL_PORT, UPSTREAM_PORT.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'demo: %s\n' "$*"; }
die() {
  printf 'demo: %s\n' "$*" >&2
  exit 1
}

export API_PORT=${API_PORT:-10000} ADMIN_PORT=${ADMIN_PORT:-9901} UPSTREAM_PORT=${UPSTREAM_PORT:-8080}
export PROVIDER_PORT=${PROVIDER_PORT:-9000} CONTROL_PORT=${CONTROL_PORT:-9001}

names=()
outputs=()
pids=()
# Ends what this script started, by process id, newest first.
end_parts() {
  local at
  for ((at = ${#pids[@]} - 1; at >= 0; at--)); do
    kill "${pids[at]}" 2>/dev/null || true
  done
  for ((at = ${#pids[@]} - 1; at >= 0; at--)); do
    wait "${pids[at]}" 2>/dev/null || true
  done
}
trap end_parts EXIT
trap 'printf "\n"; say "ending what was started"; exit 130' INT
trap 'exit 143' TERM

# start NAME OUTPUT COMMAND…: what it prints goes to target/demo/OUTPUT, its log is target/demo/NAME.log.
start() {
  local name=$1 output=$2
  shift 2
  "$@" >"target/demo/$output" 2>&1 </dev/null &
  names+=("$name")
  outputs+=("$output")
  pids+=($!)
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

answers() {
  local status
  status=$( (exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3 && head -n 1 <&3) 2>/dev/null) || return 1
  [[ $status == *" 200 "* ]]
}

# One sentence and the end of the log when a part has ended by itself.
check_parts() {
  local at
  for at in "${!pids[@]}"; do
    kill -0 "${pids[at]}" 2>/dev/null && continue
    local log=target/demo/${names[at]}.log
    # What ends before it has a log has said why on its output.
    [ -s "$log" ] || log=target/demo/${outputs[at]}
    tail -n 15 "$log" | sed 's/^/    /' >&2
    die "${names[at]} has ended; all that it said is in $log"
  done
}

# wait_for NAME PORT PATH: until it answers 200, a minute at most.
wait_for() {
  local deadline=$((SECONDS + 60))
  until answers "$2" "$3"; do
    check_parts
    ((SECONDS < deadline)) || die "$1 does not answer on 127.0.0.1:$2 after 60 seconds; see target/demo/$1.log"
    sleep 0.1
  done
}

# build LOG COMMAND…: what it prints goes to target/demo/LOG; here it shows how far it is.
build() {
  local log=target/demo/$1 began=$SECONDS compiled shown=
  shift
  "$@" >"$log" 2>&1 </dev/null &
  local pid=$!
  pids+=("$pid")
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.5
    compiled=$(grep -c '^ *Compiling' "$log" || true)
    [ "$compiled" != 0 ] || continue
    if [ -t 1 ]; then
      printf '\r      %s packages compiled, %s s ' "$compiled" $((SECONDS - began))
      shown=yes
    elif (((SECONDS - began) / 30 > ${shown:-0})); then
      shown=$(((SECONDS - began) / 30))
      printf '      %s packages compiled, %s s\n' "$compiled" $((SECONDS - began))
    fi
  done
  unset 'pids[-1]'
  [ ! -t 1 ] || [ -z "$shown" ] || printf '\n'
  wait "$pid" || {
    tail -n 30 "$log" | sed 's/^/    /' >&2
    return 1
  }
}

say "1 of 3: what it runs: Envoy, Node and the provider"
demo/setup.sh
# shellcheck source=/dev/null
. .tools/env.sh

for part in "API_PORT Envoy" "ADMIN_PORT Envoy's admin page" "PROVIDER_PORT the provider" "CONTROL_PORT the provider's control port" "UPSTREAM_PORT the upstream"; do
  port=${part%% *}
  ! listens "${!port}" || die "port ${!port} on 127.0.0.1 is in use, ${part#* } needs it: end what listens there (ss -ltnp shows it), or choose another with \`make demo $port=…\`"
done

mkdir -p target/demo
rm -f target/demo/*
say "2 of 3: the filter, built by Cargo"
build filter-build.log demo/wasm.sh plain || die "the filter does not build; all that was said is in target/demo/filter-build.log"
say "3 of 3: the command line, built by Cargo"
build tollgate-build.log cargo build --locked --profile quick -p tollgate-cli || die "the command line does not build; all that was said is in target/demo/tollgate-build.log"
# Cargo may be told to build elsewhere; envoy.yaml and the story name one place.
built=$(cargo metadata --locked --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
for file in wasm32-wasip1/release/tollgate.wasm quick/tollgate; do
  mkdir -p "target/${file%/*}"
  [ "$built/$file" -ef "target/$file" ] || cp "$built/$file" "target/$file"
done

say "starting the provider, the upstream and Envoy; their logs are in target/demo"
export PORT=$PROVIDER_PORT
start provider provider.log "$TOLLGATE_NODE" demo/provider/server.mjs
export PORT=$UPSTREAM_PORT
start upstream upstream.log "$TOLLGATE_NODE" demo/upstream.mjs
wait_for provider "$CONTROL_PORT" /ready
wait_for upstream "$UPSTREAM_PORT" /
demo/configure.sh
target/quick/tollgate check target/demo/envoy.yaml >target/demo/check.log || { cat target/demo/check.log >&2; die "tollgate check refuses target/demo/envoy.yaml, see above"; }
say "tollgate check: $(tail -n 1 target/demo/check.log), in target/demo/check.log; the warnings are meant, they are what a demo may do and you should not"
start envoy access.log "$TOLLGATE_ENVOY" -c target/demo/envoy.yaml --concurrency 2 --log-path target/demo/envoy.log --file-flush-interval-msec 200 --disable-hot-restart
wait_for envoy "$ADMIN_PORT" /ready

"$TOLLGATE_NODE" demo/story.mjs

if [ "${ONCE:-}" = 1 ]; then
  exit 0
fi
while :; do
  check_parts
  sleep 1
done
