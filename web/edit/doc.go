// Package edit changes events as forms do: a title, another time, one instance of a
// series or all that follow. It is pure: from the bytes of an object to the bytes of it, or of two.
// What a form does not show stays byte for byte, and what comes out is an object that
// ical.NewObject takes.
package edit
