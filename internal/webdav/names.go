package webdav

import "encoding/xml"

// The XML namespaces of the protocols this server speaks.
const (
	NSDAV     = "DAV:"                           // RFC 4918, 3253, 3744, 5689, 6578
	NSCalDAV  = "urn:ietf:params:xml:ns:caldav"  // RFC 4791, 6638
	NSCardDAV = "urn:ietf:params:xml:ns:carddav" // RFC 6352
	NSCS      = "http://calendarserver.org/ns/"  // Apple's published extensions
	NSApple   = "http://apple.com/ns/ical/"      // calendar-color, calendar-order
	NSME      = "http://me.com/_namespace/"      // Apple's bulk requests
	NSXML     = "http://www.w3.org/XML/1998/namespace"

	nsXMLNS = "http://www.w3.org/2000/xmlns/"
)

// DAV returns the name local in the namespace DAV:.
func DAV(local string) xml.Name { return xml.Name{Space: NSDAV, Local: local} }

// CalDAV returns the name local in the namespace of RFC 4791.
func CalDAV(local string) xml.Name { return xml.Name{Space: NSCalDAV, Local: local} }

// CardDAV returns the name local in the namespace of RFC 6352.
func CardDAV(local string) xml.Name { return xml.Name{Space: NSCardDAV, Local: local} }

// CS returns the name local in the namespace of Apple's calendar server extensions.
func CS(local string) xml.Name { return xml.Name{Space: NSCS, Local: local} }

// Apple returns the name local in the namespace of Apple's calendar client.
func Apple(local string) xml.Name { return xml.Name{Space: NSApple, Local: local} }

// ME returns the name local in the namespace of Apple's bulk requests.
func ME(local string) xml.Name { return xml.Name{Space: NSME, Local: local} }

// prefixes are the namespaces that every response declares once, on its root
// element, with the prefix used for them. Clients are known to expect DAV: and
// CalDAV names to be prefixed alike throughout a response.
var prefixes = [...]binding{
	{"D", NSDAV},
	{"C", NSCalDAV},
	{"CS", NSCS},
	{"A", NSApple},
}

// otherPrefixes are preferred for namespaces that are declared where they occur.
var otherPrefixes = [...]binding{
	{"CARD", NSCardDAV},
	{"ME", NSME},
}

// Request bodies (RFC 4918 §14, RFC 4791 §9, RFC 5689 §5, RFC 6578 §6).
var (
	NamePropfind         = DAV("propfind")
	NamePropertyUpdate   = DAV("propertyupdate")
	NameMkcol            = DAV("mkcol")
	NameMkcalendar       = CalDAV("mkcalendar")
	NameAllprop          = DAV("allprop")
	NamePropname         = DAV("propname")
	NameProp             = DAV("prop")
	NameInclude          = DAV("include")
	NameSet              = DAV("set")
	NameRemove           = DAV("remove")
	NameHref             = DAV("href")
	NameError            = DAV("error")
	NameMultistatus      = DAV("multistatus")
	NameResponse         = DAV("response")
	NameCollection       = DAV("collection")
	NameResourceType     = DAV("resourcetype")
	NameSyncToken        = DAV("sync-token")
	NameSyncLevel        = DAV("sync-level")
	NameLimit            = DAV("limit")
	NameNResults         = DAV("nresults")
	NameMkcolResponse    = DAV("mkcol-response")
	NameMkcalResponse    = CalDAV("mkcalendar-response")
	NameResponseDescript = DAV("responsedescription")
)

// Reports: the root element of a REPORT body names what is asked for.
var (
	ReportExpandProperty              = DAV("expand-property")                // RFC 3253 §3.8
	ReportACLPrincipalPropSet         = DAV("acl-principal-prop-set")         // RFC 3744 §9.2
	ReportPrincipalMatch              = DAV("principal-match")                // RFC 3744 §9.3
	ReportPrincipalPropertySearch     = DAV("principal-property-search")      // RFC 3744 §9.4
	ReportPrincipalSearchPropertySet  = DAV("principal-search-property-set")  // RFC 3744 §9.5
	ReportSyncCollection              = DAV("sync-collection")                // RFC 6578 §3.2
	ReportCalendarQuery               = CalDAV("calendar-query")              // RFC 4791 §7.8
	ReportCalendarMultiget            = CalDAV("calendar-multiget")           // RFC 4791 §7.9
	ReportFreeBusyQuery               = CalDAV("free-busy-query")             // RFC 4791 §7.10
	ReportCalendarServerPrincipalFind = CS("calendarserver-principal-search") // Apple
)

// Conditions: the element in a DAV:error body that says what was not met.
var (
	// RFC 4918 §16
	CondLockTokenMatchesRequestURI = DAV("lock-token-matches-request-uri")
	CondLockTokenSubmitted         = DAV("lock-token-submitted")
	CondNoExternalEntities         = DAV("no-external-entities")
	CondPreservedLiveProperties    = DAV("preserved-live-properties")
	CondPropfindFiniteDepth        = DAV("propfind-finite-depth")
	CondCannotModifyProtected      = DAV("cannot-modify-protected-property")

	// RFC 3253, 5689, 5842, 5995, 6578, 4331
	CondSupportedReport       = DAV("supported-report")
	CondResourceMustBeNull    = DAV("resource-must-be-null")
	CondProtectedURL          = DAV("protected-url-deletion-allowed")        // RFC 5842 §5
	CondProtectedSource       = DAV("protected-source-url-deletion-allowed") // RFC 5842 §6
	CondValidResourceType     = DAV("valid-resourcetype")
	CondValidSyncToken        = DAV("valid-sync-token")
	CondNumberOfMatches       = DAV("number-of-matches-within-limits")
	CondSyncTraversal         = DAV("sync-traversal-supported")
	CondQuotaNotExceeded      = DAV("quota-not-exceeded")
	CondSufficientDiskSpace   = DAV("sufficient-disk-space")
	CondAddMemberAllowed      = DAV("allow-client-defined-URI")
	CondNeedPrivileges        = DAV("need-privileges")      // RFC 3744 §7.1.1
	CondRecognizedPrincipal   = DAV("recognized-principal") // RFC 3744 §8.1.1
	CondNoAbstract            = DAV("no-abstract")
	CondNoInvert              = DAV("no-invert")
	CondGrantOnly             = DAV("grant-only")
	CondDenyBeforeGrant       = DAV("deny-before-grant")
	CondNoACEConflict         = DAV("no-ace-conflict")
	CondNoProtectedACE        = DAV("no-protected-ace-conflict")
	CondNoInheritedACE        = DAV("no-inherited-ace-conflict")
	CondLimitedNumberOfACEs   = DAV("limited-number-of-aces")
	CondMissingRequiredPrin   = DAV("missing-required-principal")
	CondNotSupportedPrivilege = DAV("not-supported-privilege")
	CondAllowedPrincipal      = DAV("allowed-principal")

	// RFC 4791 §5.3, §7
	CondCalendarCollectionLocationOK = CalDAV("calendar-collection-location-ok")
	CondInitializeCalendarCollection = DAV("initialize-calendar-collection")
	CondSupportedCalendarData        = CalDAV("supported-calendar-data")
	CondValidCalendarData            = CalDAV("valid-calendar-data")
	CondValidCalendarObjectResource  = CalDAV("valid-calendar-object-resource")
	CondSupportedCalendarComponent   = CalDAV("supported-calendar-component")
	CondNoUIDConflict                = CalDAV("no-uid-conflict")
	CondMaxResourceSize              = CalDAV("max-resource-size")
	CondMinDateTime                  = CalDAV("min-date-time")
	CondMaxDateTime                  = CalDAV("max-date-time")
	CondMaxInstances                 = CalDAV("max-instances")
	CondMaxAttendeesPerInstance      = CalDAV("max-attendees-per-instance")
	CondValidFilter                  = CalDAV("valid-filter")
	CondSupportedFilter              = CalDAV("supported-filter")
	CondSupportedCollation           = CalDAV("supported-collation")
	CondValidTimezone                = CalDAV("valid-timezone") // RFC 7809 §6
	CondNoTimezones                  = CalDAV("no-timezones")
	CondSupportedRScale              = CalDAV("supported-rscale") // RFC 7529 §9
)
