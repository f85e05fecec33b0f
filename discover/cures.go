package discover

// cure is a row of the table: a symptom, the setting at fault, what is wrong and what to
// do. Words in braces are filled in by Facts.fill.
type cure struct{ symptom, setting, problem, cure string }

const (
	bindDN = "directory.ldap.bind-dn"
	secret = "directory.ldap.{secret}"
	urls   = "directory.ldap.urls"
	caFile = "directory.ldap.ca-file"
	keytab = "auth.negotiate.keytab"

	bindKeytab = "directory.ldap.bind-keytab"

	// exportKeytab is how a keytab is made anew.
	exportBind = `"samba-tool domain exportkeytab --principal=NAME", "ktpass", "adcli update", "kadmin ktadd", or the program that renews a gMSA's`

	exportKeytab = `export it again on the KDC: "samba-tool domain exportkeytab", "ktpass", "adcli update" or "kadmin ktadd"`
)

// cures is the table.
func cures() []cure {
	return []cure{
		// Binds as the service account. Active Directory's sub-codes are Windows' errors
		// in hexadecimal.
		{"ad-bare", bindDN, `the directory does not know a name without a domain: {bind}`, `write it as {bind}@{domain}, or as a DN`},
		{"ad-52e", secret, `wrong password for {bind}, or no such account`, `put the account's password into {secret-file}; it is not tried again until that changes, lest the account be locked`},
		{"ldap-49", secret, `wrong name or password for {bind}, or the account is locked`, `put the account's password into {secret-file}, or correct bind-dn; it is not tried again until that changes, lest the account be locked`},
		{"ad-525", bindDN, `there is no account {bind}`, `correct the name`},
		{"ad-530", bindDN, `the account {bind} may not sign in at this hour or from this machine`, `lift its logonHours and userWorkstations in the directory`},
		{"ad-532", secret, `the password of {bind} has expired or must be changed`, `change it, let it never expire, and put the new one into {secret-file}`},
		{"ad-533", bindDN, `the account {bind} is disabled`, `enable it in the directory, or name another`},
		{"ad-701", bindDN, `the account {bind} has expired`, `remove its expiry date (accountExpires), or name another`},
		{"ad-775", bindDN, `the account {bind} is locked after wrong passwords`, `unlock it, and find out what else uses an old password of it`},
		{"ad-binding", urls, `the directory demands channel binding, and the TLS connection it sees is not ours`, `connect to the controller itself by ldaps://, not through a proxy that ends TLS; check LdapEnforceChannelBinding there`},
		{"ldap-48", bindDN, `the directory does not let {bind} sign in by password`, `name an account that has a password (userPassword)`},
		{"ldap-7", bindDN, `the directory does not offer this way to bind`, `use bind-dn with a password over ldaps://, or external on an ldapi:// socket`},
		{"bind-syntax", bindDN, `{bind} is not a name that the directory understands`, `write the account's whole DN, such as "cn=convene,ou=services,dc=example,dc=com"`},
		{"password-empty", secret, `the password of {bind} is empty`, `put the account's password into the first line of {secret-file}`},
		{"bind-password-file-missing", "directory.ldap.bind-password-file", `there is no file {secret-file}`, `write the password of {bind} into it, mode 0600, owned by the server's account`},
		{"bind-password-file-permission", "directory.ldap.bind-password-file", `the server's account may not read {secret-file}`, `give it to the server's account: chown, mode 0600`},

		// Binds by ticket.
		{"bind-keytab-missing", bindKeytab, `there is no file {secret-file}`, `put the keys of {bind} into it, mode 0600, owned by the server's account: ` + exportBind},
		{"bind-keytab-permission", bindKeytab, `the server's account may not read {secret-file}`, `give it to the server's account: chown, mode 0600`},
		{"bind-keytab-content", bindKeytab, `{secret-file} is not a keytab, or has no keys`, exportBind},
		{"bind-keytab-name", bindDN, `{secret-file} has no key of {bind}: {reason}`, `set bind-dn to one of those, or put the keys of {bind} into the file: ` + exportBind},
		{"bind-keytab-weak", bindKeytab, `{secret-file} has no AES key of {bind}`, `let the account use AES (msDS-SupportedEncryptionTypes 24), change its password, and put the new keys into the file: ` + exportBind},
		{"bind-krb-6", bindDN, `the KDC does not know {bind}`, `correct name and realm, as the keytab has them; with Active Directory it is the account's name, not a service's`},
		{"bind-krb-7", urls, `the KDC knows no service of the server's name: {reason}`, `write the server's own DNS name in the URL, no alias; or add ldap/NAME to its account: "setspn -S", "samba-tool spn add", "kadmin addprinc" and ktadd into the keytab of the directory server`},
		{"bind-krb-14", bindKeytab, `the KDC and the keytab have no encryption type in common that is allowed`, `let the account use AES (msDS-SupportedEncryptionTypes 24), change its password, and put the new keys into {secret-file}: ` + exportBind},
		{"bind-krb-24", bindKeytab, `the keys in {secret-file} are not those of {bind} any more`, `put the newest keys into it; they are read at once: ` + exportBind},
		{"bind-kdc", "", `no KDC answers for {bind}: {reason}`, `let this machine reach port 88 of the KDC by TCP, and name the KDC in /etc/krb5.conf or let DNS have _kerberos._tcp SRV records of the realm`},
		{"bind-layer", "", `the directory wants a security layer of SASL besides TLS`, `let it accept a bind without one over TLS; OpenLDAP: sasl-secprops minssf=0, or olcLocalSSF and security by tls`},
		{"bind-ticket", urls, `the directory does not take the ticket of {bind}: its clock, its key of the service, or a TLS connection that is not ours`, `connect to the server itself, not through a proxy that ends TLS; set the clocks by NTP; put the newest keys of ldap/NAME into the keytab of the directory server, and see what its log says`},

		// Rights and limits.
		{"ldap-8", urls, `the directory demands TLS before a bind`, `write ldaps://, or set directory.ldap.starttls`},
		{"ldap-anonymous", bindDN, `the directory tells nothing to whoever does not sign in`, `set bind-dn and bind-password-file to an account that may read`},
		{"ldap-50", bindDN, `{bind} has no right to read {base}`, `grant it read access there`},
		{"no-guid", bindDN, `{bind} cannot read {guid} of {type}, or no entry has it`, `grant {bind} read access to it (OpenLDAP: "access to attrs={guid} by dn.exact=… read"), or set directory.ldap.{type}.guid to the attribute that entries have`},
		{"ldap-4", "directory.ldap.page-size", `the directory cuts off what {bind} may find at its size limit, so that people are missing`, `raise the limit for this account; OpenLDAP: limits dn.exact="{bind}" size=unlimited; 389 Directory Server: nsSizeLimit and nsPagedSizeLimit; Active Directory: page-size at most 1000`},
		{"ldap-3", "directory.ldap.timeout", `the directory gives up after its own time limit`, `raise its limit for {bind}, and index the attributes of the filter`},
		{"ldap-12", "directory.ldap.preset", `the directory does not know a control that is needed, such as paged results`, `set preset to the kind of server that it is`},
		{"ldap-52", "", `the directory is busy or shutting down`, `look at its own log`},

		// Where records are.
		{"ldap-32", "directory.ldap.base", `{base} does not exist, or {bind} may not know of it`, `set it to {contexts}, or to an entry below`},
		{"ldap-32-anonymous", "directory.ldap.base", `{base} does not exist, or nobody may see it without signing in`, `set it to {contexts}, or set bind-dn`},
		{"base-syntax", "directory.ldap.base", `{base} is not a DN`, `write it like "ou=people,dc=example,dc=com"`},
		{"ldap-10", "directory.ldap.base", `{base} is kept by another server, to which this one refers`, `set it to {contexts}, or add that server to urls`},
		{"filter-syntax", "directory.ldap.{type}.filter", `the filter is malformed`, `close all parentheses; such as (objectClass=inetOrgPerson)`},
		{"nobody-preset", "directory.ldap.preset", `nobody is found by this preset; that of {preset} finds {nobody}`, `set preset = "{preset}"`},
		{"nobody-filter", "directory.ldap.{nobody}.filter", `below {bases} are {count} entries, and none matches {filter}`, `correct the filter, or leave it to the preset`},
		{"nobody-base", "directory.ldap.base", `there are no {nobody} below {bases}, but below "{elsewhere}"`, `set directory.ldap.base or directory.ldap.{nobody}.base to it`},
		{"nobody", bindDN, `there are no entries at all below {bases} that {bind} may see`, `set base to where {nobody} are, or grant {bind} read access there`},
		{"ambiguous", "directory.ldap.users.login", `one name belongs to two records: {reason}`, `let one of them have another value, or disable the one that has left`},

		// Certificates of the directory.
		{"x509-authority", caFile, `the directory's certificate is signed by an authority that is not trusted: {issuer}`, `set ca-file to a PEM file with the certificate of {issuer}`},
		{"x509-unnamed", "directory.ldap.certificate-fingerprints", `the directory's certificate has no name that counts (subject {subject}, no subjectAltName)`, `give the directory a certificate with its DNS name; until then pin it: certificate-fingerprints = ["{pin}"]`},
		{"x509-ip", urls, `the URL has the address {host}, and the certificate is for {names}`, `write the DNS name in the URL: {name}`},
		{"x509-name", urls, `the URL has {host}, and the certificate is for {names}`, `write {name} in the URL, or set server-name to it`},
		{"x509-expired", "", `the directory's certificate has expired on {until}`, `renew it on the directory server, and look at the clocks of both machines`},
		{"x509-early", "", `the directory's certificate is valid only from {from} on`, `set the clock of this machine and of the directory by NTP`},
		{"x509-invalid", "", `the directory's certificate cannot be used: {reason}`, `let its authority make a new one`},
		{"ca-file-missing", caFile, `there is no file {ca-file}`, `put the certificate of the directory's authority there, in PEM`},
		{"ca-file-permission", caFile, `the server's account may not read {ca-file}`, `mode 0644: it is no secret`},
		{"ca-file-content", caFile, `{ca-file} has no certificates`, `it needs to be PEM ("-----BEGIN CERTIFICATE-----"); "openssl x509 -inform DER" converts`},

		// The network.
		{"tls-plain", urls, `the port speaks LDAP without TLS`, `write ldap:// with starttls = true, or ldaps:// with the port for TLS, 636`},
		{"tls-other", urls, `the port does not speak TLS: it belongs to another service`, `name the port of the directory: 636 for ldaps://, 389 for ldap://`},
		{"tls-alert", urls, `the directory breaks off the TLS handshake: {reason}`, `let it offer TLS 1.2 or later and a certificate of the name in the URL`},
		{"starttls-refused", "directory.ldap.starttls", `the directory does not offer StartTLS`, `write ldaps:// without starttls, or give the directory a certificate`},
		{"starttls-broken", urls, `the port does not understand StartTLS: it is the one for TLS from the start, or of another service`, `write ldaps:// without starttls, or ldap:// with port 389`},
		{"dns-none", urls, `there is no host {host}: the resolver of this machine does not know the domain's names`, `let /etc/resolv.conf name the domain's DNS servers{srv}`},
		{"dns-silent", urls, `the DNS server does not answer for {host}`, `look at /etc/resolv.conf and at the DNS server`},
		{"refused", urls, `nothing listens at {host}`, `correct host and port, or start the directory; a firewall may refuse too`},
		{"unreachable", urls, `there is no route to {host}`, `correct the host, or the network's routes`},
		{"socket-missing", urls, `there is no socket at the ldapi:// path`, `start slapd with -h "ldapi://…" and that path`},
		{"silent", urls, `{host} does not answer in time`, `look whether a firewall drops packets, and whether the directory is well; time limits are dial-timeout and timeout`},
		{"closed", urls, `{host} closes the connection`, `look whether the port is the directory's (389 for ldap://, 636 for ldaps://) and at the directory's log`},
		{"not-ldap", urls, `the port answers, and not in LDAP: it belongs to another service`, `name the port of the directory: 636 for ldaps://, 389 for ldap://`},

		// Kerberos (RFC 4120 §7.5.9).
		{"krb-6", "", `the KDC does not know the client's principal: {reason}`, `correct the name and the realm`},
		{"krb-7", keytab, `no account has the service's name, so that clients get no ticket`, `add it to the account: "setspn -S HTTP/host-name account", "samba-tool spn add" or "kadmin addprinc"`},
		{"krb-14", "auth.negotiate.enctypes", `the KDC and the keytab have no encryption type in common that is allowed`, `let the account use AES (msDS-SupportedEncryptionTypes 24), change its password, and ` + exportKeytab},
		{"krb-1", "", `the account has expired`, `extend it in the directory`},
		{"krb-18", "", `the account is disabled, locked or expired`, `enable it in the directory`},
		{"krb-23", "", `the password has expired or must be changed`, `change it`},
		{"krb-24", "", `wrong password, or a keytab that is older than the account's password`, `correct the password, or for a keytab ` + exportKeytab},
		{"krb-31", keytab, `the ticket was made with another key than the keytab's: two accounts have the service's name, or the keytab is of another account`, `find the others with "setspn -X" or (servicePrincipalName=HTTP/host-name), remove the name there, and ` + exportKeytab},
		{"krb-37", "", `the clocks differ by more than five minutes`, `set the clocks of this machine, of the KDC and of the client by NTP`},
		{"krb-44", keytab, `{keytab} does not have the key version or the name that the KDC uses`, exportKeytab},
		{"krb-68", keytab, `the realm is another one than the KDC's`, `correct the realm in the keytab and in krb5.conf`},
		{"ntlm", "", `a client found no ticket for this host, and offered NTLM`, `let people use the name that the keytab has, not an IP address or a CNAME, and put it into the browser's intranet zone`},
		{"keytab-missing", keytab, `there is no file {keytab}`, exportKeytab},
		{"keytab-permission", keytab, `the server's account may not read {keytab}`, `give it to the server's account: chown, mode 0600`},
		{"keytab-content", keytab, `{keytab} is not a keytab, or has no keys`, exportKeytab},
	}
}
