// Package filewatch tells whether a file is another version of itself, and keeps
// values that are parsed from files which administrators replace while the server
// runs. It looks at files when it is asked; it has no goroutine and no notification
// of the system's, which network file systems do not give.
package filewatch
