// Package ldif holds directory entries outside a server: it reads LDIF content
// records (RFC 2849), compares distinguished names (RFC 4514), and evaluates
// search filters (RFC 4515, RFC 4511 §4.5.1.7) on entries.
//
// It has no schema. Attribute values are compared without regard to letter
// case and to runs of spaces, as nearly all attributes of people are; values
// of attributes that hold distinguished names are compared as such, and those
// of a few binary attributes byte by byte.
package ldif
