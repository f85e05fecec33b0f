#!/bin/bash
# Installs the outside programs that the tests use, through apt, and says so:
# OpenLDAP's slapd, 389 Directory Server, MIT Kerberos, Samba's Active Directory
# controller, the ACME server pebble, the clients curl, python-caldav and vdirsyncer, Chromium with fonts and Node
# for the pages, openssl, zbarimg and pdftotext for what they hand out, systemd's analysis of units, zstd, and what a
# bare machine lacks to build with the race detector. Go itself is not among them. None of the daemons is started.
# Does nothing, and needs no rights, when all are there. Works as root or through sudo.
set -euo pipefail

packages=(
	make gcc libc6-dev git ca-certificates
	slapd 389-ds-base python3-lib389 ldap-utils libsasl2-modules-gssapi-mit
	krb5-kdc krb5-admin-server krb5-user
	samba samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind ldb-tools
	chromium fonts-noto-core fonts-noto-cjk
	systemd curl zstd openssl zbar-tools poppler-utils iproute2 pebble libfaketime bind9-dnsutils python3-requests-kerberos python3-caldav vdirsyncer
)

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	echo "install-test-deps: no apt here; tests that need slapd, krb5kdc or samba are skipped unless you install them" >&2
	exit 0
fi

# Node may have come from elsewhere.
command -v node >/dev/null && command -v npm >/dev/null || packages+=(nodejs npm)

missing=()
for p in "${packages[@]}"; do
	status=$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null || true)
	[ "$status" = installed ] || missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "install-test-deps: installing with apt, for the tests: ${missing[*]}"
root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || { echo "install-test-deps: run this as root, or install sudo" >&2; exit 1; }
	root=(sudo)
fi

# A policy-rc.d that answers 101 keeps the packages from starting their
# daemons. One that is there already is the administrator's, and stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
	"${root[@]}" chmod 755 "$policy"
	trap '"${root[@]}" rm -f "$policy"' EXIT
fi
# Without this question answered slapd makes a database of its own.
echo 'slapd slapd/no_configuration boolean true' | "${root[@]}" debconf-set-selections
log=$(mktemp)
quiet() { "$@" >"$log" 2>&1 || { cat "$log" >&2; echo "install-test-deps: failed: $*" >&2; exit 1; }; }
quiet "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update
quiet "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 \
	install -y --no-install-recommends "${missing[@]}"
rm -f "$log"
echo "install-test-deps: done"
