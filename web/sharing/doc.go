// Package sharing is the page on which people publish calendars by links, and what whoever
// has such a link gets: a page, and a feed for programs.
package sharing
