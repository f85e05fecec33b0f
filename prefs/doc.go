// Package prefs keeps how each person wants the browser pages: their language, their
// time zone, how clock and week are written.
package prefs
