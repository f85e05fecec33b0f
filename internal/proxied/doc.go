// Package proxied finds out who is behind a proxy: by the header fields that HTTP
// proxies add (RFC 7239, and X-Forwarded-For and its kin), and by the PROXY protocol,
// versions 1 and 2, that proxies of connections speak.
//
// Anybody can send either. Both count only if they come from a network that the
// operator named, and only as far as the chain of such proxies reaches.
package proxied
