#!/bin/sh
# Writes what Envoy runs in the demo: target/demo/envoy.yaml is envoy.yaml with demo/tollgate.json in
# place of its configuration of Tollgate, which is target/demo/tollgate.json as well.
#
# Then the origin story's mistake: one word names a session provider that provides no session. Asks
# Envoy to load that and writes what Envoy said to target/demo/mistake.log, its exit status on the
# last line. demo/story.mjs judges that.
#
# The ports are those of envoy.yaml, or what API_PORT and the like say (demo/run.sh).
set -eu
cd "$(dirname "$0")/.."
envoy=${TOLLGATE_ENVOY:-envoy}
mkdir -p target/demo
provider="s/127\.0\.0\.1:9000/127.0.0.1:${PROVIDER_PORT:-9000}/g"
sed "$provider; s/127\.0\.0\.1:10000/127.0.0.1:${API_PORT:-10000}/g" demo/tollgate.json >target/demo/tollgate.json
{
  sed '/ value: |$/q' envoy.yaml
  sed 's/^/                            /' target/demo/tollgate.json
  # The one in envoy.yaml ends with an empty line.
  sed -n '/ value: |$/,$p' envoy.yaml | sed -n '/^$/,$p'
} | sed "s/port_value: 10000 /port_value: ${API_PORT:-10000} /; s/port_value: 9901 /port_value: ${ADMIN_PORT:-9901} /
    s/port_value: 8080 /port_value: ${UPSTREAM_PORT:-8080} /
    s/port_value: 9000 /port_value: ${PROVIDER_PORT:-9000} /; $provider" \
  >target/demo/envoy.yaml
sed 's/"session_from": "okta"/"session_from": "oauth_token"/' target/demo/envoy.yaml >target/demo/mistake.yaml
status=0
"$envoy" --mode validate --log-level warning -c target/demo/mistake.yaml >target/demo/mistake.log 2>&1 || status=$?
echo "exit status $status" >>target/demo/mistake.log
