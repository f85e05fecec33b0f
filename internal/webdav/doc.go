// Package webdav is WebDAV on the wire: the XML and the headers of RFC 4918, and
// of those that build on it (RFC 3253, 3744, 5689, 6578, 7240, 8144). It knows
// no calendars and no store.
//
// # Reading
//
// [ParseXML] turns a body into a tree of [Element] and refuses whatever is not
// strictly XML with namespaces in UTF-8. The Parse functions turn a tree, or
// the headers, into a request:
//
//	root, err := webdav.ParseXML(body, webdav.DefaultXMLLimits) // nil root for an empty body
//	req, err := webdav.ParsePropfind(root)
//	depth, err := webdav.ParseDepth(r.Header, webdav.DepthInfinity)
//	dest, err := webdav.ParseDestination(r)                   // decoded path
//	cond, err := webdav.ParseConditions(r.Header, r.Host)
//	ok := cond.If.Holds(path, func(path string) (webdav.ETag, []string) { … })
//	status := cond.Check(r.Method, etag, modified)            // 0, 304 or 412
//
// Their errors are [*Error], and say what to respond with.
//
// A REPORT is told apart by the name of its root: [ReportSyncCollection] and its
// neighbours. [ParseSync], [ParseMultiget], [ParseExpandProperty],
// [ParsePrincipalMatch], [ParsePrincipalSearch], [ParseTokenSearch] take it
// from there.
//
// # Writing
//
// All XML is written by [Writer], which escapes and declares namespaces.
// [Multistatus] is a Writer for 207 responses, [Error] and [Response] are responses
// as values. Paths are plain text everywhere in this server; they are
// percent-encoded where they are written, by [EscapePath] or [Writer.Href], and
// decoded where they are read, by [CleanPath] and [ParseHref].
//
// # Dead properties
//
// [Element.Append] makes a parsed property into bytes that stand alone, with the
// namespaces, attributes, text and prefixes the client sent (RFC 4918 §4.3).
// They can be stored and given back by [Writer.Raw].
package webdav
