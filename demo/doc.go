// Package demo runs a whole server with nothing installed: "convene demo".
//
// The directory is company.ldif, served by an LDAP server in this process on a
// loopback port, and read by the server through the same code as any other
// directory. Calendars lie in a temporary folder, or one that is kept, and are
// filled on first use, with requests like those of any client, with some weeks
// of meetings around today. The server listens on loopback only.
package demo
