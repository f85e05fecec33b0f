// Package caldav serves calendars: RFC 4791 on RFC 4918, with the collection
// synchronization of RFC 6578, the principal reports of RFC 3744, and the
// extensions that Apple's clients know.
//
// A request's way through the package:
//
//	handler.go   Serve: URL → target, directory record, row of the method table
//	target.go    what a URL names, before the store is asked
//	scope.go     the same, with what the store holds: home, collection, object
//	router.go    the table: kind × method → privilege, transaction, function
//	put.go …     a method, in two steps: the first reads the request and may
//	             wait; the second runs inside one transaction and never waits
//	memory.go    what the request takes of the memory for all
//	errors.go    what each error is on the wire
//
// The second step returns a response as a value; it is written after the
// commit, in one place. Properties stand in a table (props.go), reports in
// another (report.go); Allow, supported-report-set and the responses to
// DAV:propname are read from these tables.
package caldav
