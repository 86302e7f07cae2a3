#!/bin/sh
# Writes what Envoy runs in the demo: target/demo/envoy.yaml is envoy.yaml with demo/tollgate.json in
# place of its configuration of Tollgate.
#
# Then the origin story's mistake: one word names a session provider that provides no session. Asks
# Envoy to load that and writes what Envoy said to target/demo/mistake.log, its exit status on the
# last line. demo/story.mjs judges that.
set -eu
cd "$(dirname "$0")/.."
envoy=${TOLLGATE_ENVOY:-envoy}
mkdir -p target/demo
{
  sed '/ value: |$/q' envoy.yaml
  sed 's/^/                            /' demo/tollgate.json
  # The one in envoy.yaml ends with an empty line.
  sed -n '/ value: |$/,$p' envoy.yaml | sed -n '/^$/,$p'
} >target/demo/envoy.yaml
sed 's/"session_from": "okta"/"session_from": "oauth_token"/' target/demo/envoy.yaml >target/demo/mistake.yaml
status=0
"$envoy" --mode validate --log-level warning -c target/demo/mistake.yaml >target/demo/mistake.log 2>&1 || status=$?
echo "exit status $status" >>target/demo/mistake.log
