// Package directorytest has the conformance suite of directory.Directory: a
// small company, written in all the formats that directories are kept in, and
// the questions whose results must be the same in all of them.
package directorytest
