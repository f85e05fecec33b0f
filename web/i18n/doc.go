// Package i18n has the texts of the browser pages in the languages that there are,
// and how dates and times are written in them.
//
// # Texts
//
// messages/AREA/LANGUAGE.json has the texts of an area of pages: keys, which begin with
// the area ("shell.sign-out"), and texts in which {name} stands for a value. A text that
// depends on a number is an object with a text for each plural category of CLDR
// that the language has ("one", "many", "other"), and {n} stands for the number. Each
// language has the same keys, each key is used, and each that is used is there: a test of
// package web sees to it.
//
// This is a hundred lines of our own and no library: a library brings a file format, a
// second template language beside that of the pages, and plural rules for two hundred
// languages, and does not write dates.
//
// # Dates
//
// cldr.go is generated from CLDR, see gen/cldr.go. What is written is the reading of the
// clock and the calendar that a time.Time has, in whatever zone it is.
//
// # Languages for tests
//
// en-XA is English with accents and 40 % longer, ar-XB is English from right to left. They
// are made of the English texts, nobody is offered them, and who asks for them by name gets
// them.
package i18n
