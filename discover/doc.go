// Package discover finds a directory and looks at it: where its servers are, of what
// kind it is, whom to trust, who is in it and how people sign in. [Join] makes a
// configuration of what it has found. It prints nothing and asks nobody but through
// [Asker].
//
// It looks as the server does, through the packages directory and auth: what it says of
// people is what the server will make of them.
//
// [Explain] is the one place where an error of a directory, a certificate, the network or
// Kerberos becomes the setting at fault and a cure: commands and logs take it from there.
package discover
