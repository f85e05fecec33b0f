// Package held keeps secrets that open something, such as device passwords and published
// links, out of service without losing them.
//
// An older copy of a file does not know what was revoked since. What it has and nobody
// can vouch for is held: its rows are taken out of the tables where they would be found,
// and wait in a table of their own until an operator releases or drops them.
package held
