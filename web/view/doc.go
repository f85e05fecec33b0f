// Package view lays out what happens: the quarter hours of days and weeks with events beside
// each other in lanes, the cells of a month, the days of a list and of a year, and when
// several people are free. It is pure: from times to rows and columns, which pages write.
//
// Days are counted from 1 January 1970, and begin and end as the clock of a zone says: a day
// may have 23 or 25 hours, or none.
package view
