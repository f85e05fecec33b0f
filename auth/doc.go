// Package auth says who is asking: it turns the Authorization header of a
// request into a Caller, or into the response that the client gets instead.
//
// # Schemes
//
// Negotiate (RFC 4559, Kerberos 5 only), Digest (RFC 7616 and 2617) and Basic
// (RFC 7617), any of them, offered in the administrator's order. A scheme is
// offered only where something can verify it, because clients pick the first
// one they know and never try the next: Digest needs htdigest files, enrolled
// device passwords or a directory that knows secrets; Basic needs TLS, unless
// configured otherwise.
//
// # Responses
//
//	401  no credentials, or wrong ones; carries every challenge
//	403  right credentials of a record that may not sign in, or not now, or whose
//	     password has expired (see MayAct); Basic without TLS where nothing else
//	     is offered
//	429  too many wrong passwords; nothing was asked of the directory
//	503  the directory or the state file cannot respond: with Retry-After
//
// An outage is never 401, 403 or 404: Thunderbird switches a calendar off on
// any 4xx to its first PROPFIND, and tries again on 5xx. The same is true of
// 429, which is nevertheless used for throttling: whoever has signed in with
// the same password since the server's start, or is in a Digest session, is
// never throttled, nor are Kerberos and device passwords, so that the response
// meets guesses and new set-ups only, for which a response that looks like an
// outage would hide the cause.
//
// # State
//
// State is an engine of its own (auth.db): the key that signs nonces, enrolled
// device passwords, and what must be remembered over a restart to refuse
// replays. It is written on enrolment, start and stop, and not per request.
// Without it device passwords are off, and nonces end with the process.
//
// # Secrets
//
// No password, hash, key, token, nonce or header value is ever logged, nor
// part of an error. Verified Basic log-ins are remembered under a keyed hash
// whose key lives in this process only. Secrets for Digest that an LDAP directory
// gave are remembered as they are, in this process only, because nothing less
// verifies a response; see secrets.
package auth
