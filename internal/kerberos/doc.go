// Package kerberos is this server as a client of Kerberos (RFC 4120): keytabs, where a
// realm's KDCs are, tickets that are got with the keys of a keytab, and the initiator's
// side of GSS-API (RFC 4121) for SASL (RFC 4752) with channel bindings (RFC 5929).
// Package auth, which accepts the tickets of others, shares names of encryption types
// and channel bindings with it.
//
// Messages and cryptography are gokrb5's. Its client is used where join signs in as a
// person; for tickets of the service account it is not: it takes no context, reads
// replies of any size, has a goroutine for renewal, and its GSS tokens carry no channel
// bindings.
package kerberos
