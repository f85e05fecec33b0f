// Package testenv starts real outside servers for tests: OpenLDAP's slapd, an
// MIT KDC, a Samba Active Directory domain controller or two of a domain, an ACME server, and a throw-away
// certificate authority. It imports nothing of ours, so every package's
// external tests may use it.
//
// Each server is an ordinary child process with its data in a folder of its
// own below the system's temporary folder and listens on loopback only. It
// ends with the test that started it, also when the test program is killed.
//
// # Packages needed
//
// On Debian 12 (install with --no-install-recommends; a policy-rc.d that exits
// 101 keeps the daemons from being started by the installation):
//
//	slapd ldap-utils libsasl2-modules-gssapi-mit            ldap
//	krb5-kdc krb5-admin-server krb5-user libfaketime        kdc
//	samba samba-ad-provision samba-dsdb-modules             ad
//	samba-vfs-modules winbind ldb-tools bind9-dnsutils
//	pebble                                                  acme
//	curl python3-requests-kerberos                          outside clients
//
// Samba needs root, because its LDAP ports are fixed; the rest runs as anybody.
//
// # When a server is missing
//
// A test that needs a server which is not installed is skipped with the
// reason, but fails when CI=true or when CONVENE_REQUIRE, a comma-separated
// list such as "ldap,kdc,ad" (or "all"), names it: see Require.
package testenv
