// Package doctor looks for what is wrong with a server's surroundings: the directory,
// Kerberos, certificates, names, files. It uses the packages that the server uses, so
// that it sees what the server sees, and says of each fault which setting it is in and
// what to do, as package discover has it.
//
// It makes no more than one bind with a password that the directory refuses, over all
// servers together, and none if a running server's was refused. It changes nothing.
package doctor
