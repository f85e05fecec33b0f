// Package cal is the pages on which people read calendars: days, weeks, months, a year and
// a list, and the days of several people beside each other. What writes is elsewhere: an
// event leads to /my/event/PATH?at=RECURRENCE-ID, and an empty time to /my/event/new.
package cal
