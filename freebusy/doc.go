// Package freebusy says when somebody is busy: what counts and as what, what of
// several kinds of busy time is told where they meet, when somebody is there at all
// (RFC 7953), and how that is asked and answered (RFC 5546 §3.3, RFC 6638 §5).
//
// Everything here is pure: times and objects are values, and neither store nor
// directory is asked.
package freebusy
