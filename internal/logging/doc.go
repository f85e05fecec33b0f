// Package logging writes the server's two logs.
//
// The access log has one line for each request, in the Common Log Format
// with more fields behind it:
//
//	192.0.2.7 - ann [21/Nov/2026:10:04:05 +0000] "REPORT(calendar-query) /calendars/__uids__/6E…/work/ HTTP/1.1" 207 5321 "-" "DAVx5/4.4" in=412 t=1.873ms id=k3f09a-17
//
// User is the login name, "-" while nobody is signed in. What stands in
// parentheses behind the method is the sub-method: the report, or the kind of
// POST. Then: status, bytes of the response's body, Referer and User-Agent, bytes
// of the request's body, time from the first header to the end of the response,
// for whom User acted (for=) if that is somebody else, and the request's id, which
// the error log uses too. Whatever comes from the
// client is escaped, so that one request is always one line.
//
// Lines are put together outside any lock and added to a buffer that one
// goroutine writes out at most [Linger] later. A request never waits for the
// disk: when the disk stops taking lines, the buffer grows to a bound and then
// lines are counted instead of kept; the count is logged when writing resumes.
//
// The error log is log/slog through [NewTextHandler]. Both write to a [File],
// which Reopen opens anew after the file was renamed (SIGHUP, logrotate).
//
// The package imports nothing of convene.
package logging
