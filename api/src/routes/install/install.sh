#!/bin/sh
# Installs the ChatOps agent on this host and connects it to a server.
#
#   sh install.sh --url https://monitor.example.org --code abcd-efgh-ijkl-mnop
#
# It fetches the program from that server, checks it, puts it into /usr/local/bin, trades the one-time code for a key of
# this host (/etc/chatops/agent.toml, readable by the agent alone) and starts the service chatops-agent under systemd.
# With DESTDIR everything goes below that folder and no service is made.
set -eu

agent_sha256="@AGENT_SHA256@"
ca_sha256="@CA_SHA256@"
machine="@MACHINE@"
root="${DESTDIR:-}"
program="$root/usr/local/bin/chatops-agent"
config="$root/etc/chatops/agent.toml"
url='' code=''

die() {
    printf 'install.sh: %s\n' "$1" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || die "$1 needs a value"
    case "$1" in
        --url) url="${2%/}" ;;
        --code) code="$2" ;;
        *) die "unknown option $1; use --url and --code" ;;
    esac
    shift 2
done
[ -n "$url" ] || die 'give the address of the server with --url'
[ -n "$code" ] || die 'give the one-time code with --code'
[ -n "$root" ] || [ "$(id -u)" -eq 0 ] || die 'this needs root: run it with sudo'
[ -n "$agent_sha256" ] || die 'this server does not offer the program; copy chatops-agent here and run chatops-agent enroll'
[ "$(uname -s)" = Linux ] || die "the agent runs on Linux, this is $(uname -s)"
[ "$(uname -m)" = "$machine" ] || die "this server offers the program for $machine, this host is $(uname -m)"

# The checksum below decides, whoever answers; without an authority of its own the server is checked too.
fetched=$(mktemp)
trap 'rm -f "$fetched"' EXIT
if command -v curl >/dev/null 2>&1; then
    curl -fsS ${ca_sha256:+-k} "$url/install/chatops-agent" -o "$fetched"
elif command -v wget >/dev/null 2>&1; then
    wget -q ${ca_sha256:+--no-check-certificate} "$url/install/chatops-agent" -O "$fetched"
else
    die 'neither curl nor wget is here; install one of them'
fi
echo "$agent_sha256  $fetched" | sha256sum -c --status ||
    die 'the program is not the one that this script was made for: fetch the command anew from the web application'
mkdir -p "$(dirname "$program")" "$(dirname "$config")"
# Beside it first: a running agent keeps its file.
cp "$fetched" "$program.new"
chmod 755 "$program.new"
mv "$program.new" "$program"

"$program" enroll --config "$config" --url "$url" --code "$code" ${ca_sha256:+--ca-sha256 "$ca_sha256"}

if [ -n "$root" ] || ! [ -d /run/systemd/system ]; then
    echo "start it with: $program run --config $config"
    exit 0
fi
id chatops-agent >/dev/null 2>&1 ||
    useradd --system --no-create-home --home-dir /var/lib/chatops-agent --shell /usr/sbin/nologin chatops-agent
# Containers are seen by whoever may speak to the engine.
groups=''
if getent group docker >/dev/null 2>&1; then groups='SupplementaryGroups=docker'; fi
chown -R chatops-agent: /etc/chatops
cat >/etc/systemd/system/chatops-agent.service <<UNIT
[Unit]
Description=ChatOps agent
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/local/bin/chatops-agent run
User=chatops-agent
$groups
StateDirectory=chatops-agent
Environment=CHATOPS_AGENT_DATA=/var/lib/chatops-agent
Restart=always
RestartSec=5
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --quiet chatops-agent
systemctl restart chatops-agent
echo 'the agent runs: systemctl status chatops-agent'
