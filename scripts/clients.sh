#!/bin/bash
# Runs real clients against `convene demo` as it is shipped, each through its whole
# conversation: once over http and once over https, where each is given the
# demonstration's own certificate to trust. The clients are in scripts/clients/; to
# run some, name them: `scripts/clients.sh curl tsdav`.
#
# Prints "SCHEME CLIENT: CHECK: ok" or "...: FAILED DETAIL" for each check, then a
# total, and ends with 1 if anything failed. What is missing is installed: Debian's
# clients through apt, the others into CLIENTS_DIR (build/clients) through npm
# and the Go module proxy. HTTP and HTTPS are the ports, 8008 and 8443.
set -uo pipefail
cd "$(dirname "$0")/.."
here=$PWD/scripts/clients
dir=${CLIENTS_DIR:-$PWD/build/clients}
http=${HTTP:-8008} https=${HTTPS:-8443}
all=(curl vdirsyncer khal calcurse cadaver litmus python-caldav python-caldav-meetings python-caldav-delegates
	tsdav cdav-library dav go-webdav evolution thunderbird)
[ $# -gt 0 ] || set -- "${all[@]}"

# fail TEXT ends the script for want of something it needs.
fail() { echo "clients: $*" >&2; exit 2; }

# install CLIENT... brings what is missing; what is large only for the client that needs it.
install() {
	local packages=(curl vdirsyncer khal todoman calcurse cadaver litmus python3-caldav python3-icalendar python3-httplib2 openssl bsdutils nodejs) missing=() p root=()
	command -v node >/dev/null && packages=("${packages[@]/nodejs/}")
	[[ " $* " != *" thunderbird "* ]] || packages+=(thunderbird)
	[[ " $* " != *" evolution "* ]] || packages+=(evolution-data-server gir1.2-ecal-2.0 gir1.2-edataserver-1.2 python3-gi dbus-daemon)
	for p in ${packages[@]}; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
	done
	if [ ${#missing[@]} -gt 0 ]; then
		echo "clients: installing with apt: ${missing[*]}" >&2
		[ "$(id -u)" -eq 0 ] || root=(sudo)
		"${root[@]}" apt-get update -qq &&
			"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || fail "apt"
	fi
	command -v npm >/dev/null || fail "npm is missing"
	mkdir -p "$dir/js"
	if ! cmp -s "$here/package-lock.json" "$dir/js/installed.json"; then
		cp "$here"/package*.json "$dir/js/" && (cd "$dir/js" && npm ci --ignore-scripts --no-audit --no-fund --silent) &&
			cp "$here/package-lock.json" "$dir/js/installed.json" || fail "npm"
	fi
	cp "$here"/*.mjs "$dir/js/" || fail "copying"
	go build -o "$dir/convene" ./cmd/convene || fail "building convene"
	(cd "$here/go-webdav" && go build -o "$dir/go-webdav" .) || fail "building go-webdav"
}

# start runs the demonstration, and waits until it says that it is up.
start() {
	local i
	work=$(mktemp -d "${TMPDIR:-/tmp}/convene-clients.XXXXXX") || fail "no temporary folder"
	"$dir/convene" demo --data "$work/data" --http "$http" --https "$https" >"$work/guide" 2>"$work/log" &
	demo=$!
	trap 'kill "$demo" 2>/dev/null; wait "$demo" 2>/dev/null; rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM
	for i in $(seq 300); do
		! grep -q '^convene is up' "$work/guide" || return
		kill -0 "$demo" 2>/dev/null || fail "the demonstration ended: $(cat "$work/log")"
		sleep 0.1
	done
	fail "the demonstration is not up after 30 s"
}

# program prints how a client is run.
program() {
	if [ "$1" = go-webdav ]; then
		echo "$dir/go-webdav"
	elif [ -e "$here/$1.py" ]; then
		echo "/usr/bin/python3 -B $here/$1.py"
	elif [ -e "$here/$1.sh" ]; then
		echo "bash $here/$1.sh"
	else
		echo "node $dir/js/$1.mjs"
	fi
}

# ask PATH PROPERTY NAMESPACE prints the path that a property of ann's has.
ask() {
	curl -sS -f --max-time 30 -u ann:demo -X PROPFIND -H 'Depth: 0' --data-binary "<propfind xmlns='DAV:'><prop><$2 xmlns='$3'/></prop></propfind>" \
		"http://localhost:$http$1" | tr -d '\n' | sed -nE "s|.*$2[^>]*><[^>]*href>([^<]*)<.*|\1|p"
}

# run SCHEME URL CLIENT runs a client and prints its lines, at most five minutes.
run() {
	local own=$work/$1-$3 status=0
	mkdir "$own"
	env PRINCIPAL="$principal" HOME_PATH="$home" URL="$2" CA="$ca" CLIENT_USER=ann CLIENT_PASSWORD=demo WORK="$own" \
		NODE_EXTRA_CA_CERTS="$ca" SSL_CERT_FILE="$ca" \
		PATH="/usr/bin:/bin:$PATH" timeout -k 10 300 $(program "$3") 2>"$own.err" </dev/null | sed -u "s|^|$1 $3: |" | tee -a "$work/lines" || status=$?
	if [ "$status" -ne 0 ] || ! grep -q "^$1 $3: " "$work/lines"; then
		echo "$1 $3: runs to its end: FAILED status $status: $(tail -n 3 "$own.err" | tr -s ' \n' ' ')" | tee -a "$work/lines"
	fi
}

install "$@"
start
ca=$work/ca.pem
openssl x509 -in "$work/data/tls/self-signed.pem" -out "$ca" || fail "no certificate"
principal=$(ask /principals/users/ann/ principal-URL DAV:) home=$(ask /principals/users/ann/ calendar-home-set urn:ietf:params:xml:ns:caldav)
[ -n "$principal" ] && [ -n "$home" ] || fail "ann has no calendar home"
for client; do
	run http "http://localhost:$http" "$client"
	run https "https://localhost:$https" "$client"
done
kill -0 "$demo" 2>/dev/null || echo "convene: still runs: FAILED" | tee -a "$work/lines"
[ ! -s "$work/log" ] || echo "convene: nothing in the error log: FAILED $(tail -n 3 "$work/log" | tr '\n' ' ')" | tee -a "$work/lines"
failed=$(grep -c ': FAILED' "$work/lines")
echo "clients: $(grep -cE ': (ok|FAILED.*)$' "$work/lines") checks, $failed failed"
[ "$failed" -eq 0 ]
