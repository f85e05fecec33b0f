// Package memldap is a read-only LDAP server in this process. It serves the
// entries of an LDIF file: to the demonstration, which needs no directory, and
// to tests, which need a directory that behaves badly on purpose.
//
// It knows simple binds, searches with all filters and scopes, paging (RFC
// 2696), StartTLS and "who am I" (RFC 4532). Quirks make it behave as Active
// Directory does where Samba does not, or fail in chosen ways.
//
// Entries without entryUUID get one derived from their name. Passwords are
// compared with userPassword in clear, {SHA} or {SSHA}; none is given out.
package memldap
