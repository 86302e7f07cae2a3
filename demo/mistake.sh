#!/bin/sh
# The origin story's mistake: one word in the configuration names a session provider that provides
# no session. Asks Envoy to load it and writes what Envoy said to target/demo/mistake.log, its exit
# status on the last line. demo/story.mjs judges that.
set -eu
cd "$(dirname "$0")/.."
envoy=${TOLLGATE_ENVOY:-envoy}
mkdir -p target/demo
sed 's/"session_from": "okta"/"session_from": "oauth_token"/' envoy.yaml >target/demo/mistake.yaml
status=0
"$envoy" --mode validate --log-level warning -c target/demo/mistake.yaml >target/demo/mistake.log 2>&1 || status=$?
echo "exit status $status" >>target/demo/mistake.log
