// Package directorytest has the conformance suite of directory.Directory: a
// small company, written in all the formats that directories are kept in, and
// the questions whose answers must be the same in all of them.
package directorytest
