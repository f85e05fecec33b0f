// Package tzdist serves time zones over HTTP: the Time Zone Data Distribution
// Service of RFC 7808, and the form with query parameters that its early
// drafts had and that old clients still use.
package tzdist
