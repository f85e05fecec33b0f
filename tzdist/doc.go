// Package tzdist serves time zones over HTTP: the Time Zone Data Distribution
// Service of RFC 7808. The data are the zones of package ical.
//
// Every action of the RFC is served, below the prefix that the service is
// mounted at:
//
//	/capabilities                what the service can do          §5.1
//	/zones                       all zones: list                  §5.2
//	/zones?pattern=*York         zones by name: find              §5.5
//	/zones/{tzid}                one VTIMEZONE: get               §5.3
//	/zones/{tzid}/observances    its changes of the clocks: expand §5.4
//	/observances/{tzid}          the same, as drafts had it
//	/leapseconds                 UTC and TAI                      §5.6
//	?action=NAME&tzid=…          the same actions as the first drafts had them;
//	?method=NAME&tzid=…          the prefix itself is the URL
//
// What drafts had in their responses besides, "dtstamp" and "error-code", is still
// there: clients pass over members that they do not know.
//
// The identifiers are those of the IANA database, spelled as it spells them.
// Each alias can be got under its own name; a list names it with its zone.
//
// Tags are digests of what they stand for, because a host may have newer data of
// single zones than the release says. The token of a list is a digest too: it is
// either that of today, then nothing has changed, or unknown, and then all zones
// are sent (§5.2).
//
// All of it is public and small: requests are bounded in length, and the one
// response that a client could make long, expand, ends after 1,000 observances and
// says so.
package tzdist
