// Package directory says who exists: users, groups, locations (rooms) and
// resources, read from LDAP or Active Directory, or from files.
//
// # Identity
//
// A principal is identified by its GUID, an opaque text that the directory
// never gives to another record: entryUUID, objectGUID or a configured
// attribute. UUIDs are written in upper case with hyphens; any other text is
// kept as it is. Short names, mail addresses and distinguished names are only
// ways to find a principal; they change, and may come to mean somebody else.
//
// # What an error means
//
// Only a complete, successful result is a fact about people. ErrNotFound
// means that the directory was asked, responded, and knows no such record.
// Whenever it could not be asked, or responded in part, or refused, the error is
// ErrUnavailable: the response is then 503 with Retry-After and changes nothing
// that it knows. A result set cut off by a size limit comes with ErrTooMany.
//
// # Implementations
//
// Open opens what the configuration names, with a cache in front. OpenLDAP
// connects to LDAP servers of any kind, OpenFile reads LDIF, accounts.xml, htpasswd
// or htdigest files, NewStatic holds a fixed list. NewCache puts a cache in front
// of any of them. Package directorytest has the
// suite that all pass, package memldap an LDAP server for demonstrations and
// tests.
package directory
