// Package demo runs a whole server with nothing installed: "convene demo".
//
// The directory is company.ldif, served by an LDAP server in this process on a
// loopback port, and read by the server through the same code as any other
// directory; its configuration is convene.toml, read like that of any site.
// Calendars lie in a temporary folder, or one that is kept, and are filled on
// first use, with requests like those of any client, with some weeks of meetings
// around today. Then the server listens, on loopback only. The tours of README.md
// and docs/assistants.md are taken in tour_test.go.
package demo
