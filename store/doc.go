// Package store keeps the calendars of all principals: bytes, names and
// indexes, no iCalendar.
package store
