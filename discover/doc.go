// Package discover finds a directory and says what is wrong with how it is used.
//
// Explain is the one place where an error of a directory, a certificate, the network or
// Kerberos becomes the setting at fault and a cure: commands and logs take it from
// there.
package discover
