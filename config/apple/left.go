package apple

import "strings"

// reasons say why keys are left out, or dicts as a whole.
var reasons = []struct{ why, keys string }{
	{"the store is one file in server.data; there is no database server", `UseDatabase DBType DBFeatures DSN SpawnedDBUser DatabaseConnection SharedConnectionPool DBAMPFD
		FailIfUpgradeNeeded CheckExistingSchema UpgradeHomePrefix TransactionTimeoutSeconds TransactionHTTPRetrySeconds WorkQueue Postgres QueryCaching LogDatabase
		MaxDBConnectionsPerPool ParallelUpgrades MergeUpgrades UIDReservationTimeOut Scheduling.Options.UIDLockTimeoutSeconds Scheduling.Options.UIDLockExpirySeconds`},
	{"a folder of Apple's server: convene keeps its data in server.data, /var/lib/convene by default", `ServerRoot DataRoot DatabaseRoot AttachmentsRoot ConfigRoot
		RunRoot DocumentRoot WebCalendarRoot LogRoot`},
	{"log files have their names in [log], relative to server.data; logrotate and SIGHUP rotate them", `AccessLogFile ErrorLogFile AgentLogFile UtilityLogFile
		ErrorLogEnabled ErrorLogRotateMB ErrorLogMaxRotatedFiles ErrorLogRotateOnStart RotateAccessLog EnableExtendedAccessLog EnableExtendedTimingAccessLog LogLevels LogID
		AccountingCategories AccountingPrincipals AccountingLogRoot`},
	{"it is one process under systemd, which says as whom it runs", `PIDFile UserName GroupName ProcessType MultiProcess MemoryLimiter umask Twisted ControlPort
		ControlSocket InheritFDs InheritSSLFDs UseMetaFD MetaFD SocketFiles SocketRoot MaxAccepts ListenBacklog Manhole Profiling UtilityServiceClass
		AgentInactivityTimeoutSeconds ServiceDisablingProgram AlertPostingProgram WritableConfigFile EnableControlAPI RootResourcePropStoreClass OpenDirectoryModule`},
	{"there is no cache beside the server; memory is bounded by [limits] and storage.snapshots", `Memcached EnableResponseCache ResponseCacheTimeout EnableFreeBusyCache
		FreeBusyCacheDaysBack FreeBusyCacheDaysForward FreeBusyIndexLowerLimitDays FreeBusyIndexExpandAheadDays FreeBusyIndexExpandMaxDays FreeBusyIndexDelayedExpand
		FreeBusyIndexSmartUpdate GroupCaching DirectoryProxy`},
	{"limits of connections and requests are those of [limits], and [calendars]", `MaxRequests IncomingDataTimeOut PipelineIdleTimeOut IdleConnectionTimeOut
		CloseConnectionTimeOut EnableKeepAlive HTTPRetryAfter ResponseCompression MaxMultigetWithDataHrefs MaxQueryWithDataResults PrincipalSearchReportTimeout
		MaxResourcesBatchUpload MaxBytesBatchUpload`},
	{"protocol versions and ciphers are those that are safe today; tls.min-version", "SSLMethod SSLCiphers"},
	{"keys without a passphrase, in files, are needed", "SSLPassPhraseDialog SSLCertAdmin SSLKeychainIdentity"},
	{"convene does this always", `EnableCalDAV EnableProxyPrincipals EnableAddMember EnableSyncReport EnableSyncReportHome EnableConfigSyncToken EnableWellKnown
		EnableCalendarQueryExtended EnablePrivateEvents EnableTimezonesByReference UsePackageTimezones EnableBatchUpload EnableMonolithicCalendars TimezoneService
		EnableTimezoneService Scheduling.CalDAV.ScheduleTagCompatibility Scheduling.CalDAV.EnablePrivateComments Scheduling.CalDAV.PerAttendeeProperties InboxCleanup
		RevisionCleanup GroupAttendees FreeBusyURL EnableWebAdmin RemoveDuplicateAlarms RemoveDuplicatePrivateComments`},
	{"address books are not served", `EnableCardDAV DirectoryAddressBook EnableSearchAddressBook AnonymousDirectoryAddressBookAccess GlobalAddressBook Sharing.AddressBooks`},
	{"push to Apple's devices and notifications are not sent: clients poll", "Notifications"},
	{"there is one server, not several that share a domain", `Servers ServerPartitionID MigrationOnly PartitionHosts`},
	{"convene does not exchange meetings with other servers by iSchedule: guests from elsewhere get mail", "Scheduling.iSchedule"},
	{"changes are done within the request that makes them, without a queue", "Scheduling.Options.WorkQueues Scheduling.Options.AttendeeRefreshBatch Scheduling.Options.AttendeeRefreshInterval"},
	{"series are not split: they may be of any length", "Scheduling.Options.Splitting MaxInstancesForRRULE"},
	{"series may have any number of dates; of those that book a room, rooms.defaults has max-occurrences", "MaxAllowedInstances"},
	{"addresses of people here are those of the directory", "Scheduling.CalDAV.HTTPDomain Scheduling.CalDAV.AddressPatterns Scheduling.Options.PrincipalHostAliases Scheduling.iMIP.AddressPatterns"},
	{"texts and looks of mails are convene's own", "Scheduling.iMIP.MailTemplatesDirectory Scheduling.iMIP.MailIconsDirectory Localization.TranslationsDirectory Localization.LocalesDirectory"},
	{"one program does it all: there is no mail gateway", "Scheduling.iMIP.MailGatewayServer Scheduling.iMIP.MailGatewayPort Scheduling.iMIP.Username Scheduling.iMIP.Password Scheduling.iMIP.GUID Scheduling.iMIP.Header Scheduling.iMIP.InvitationDaysToLive Scheduling.iMIP.Sending.SuppressionDays"},
	{"rooms alone answer by themselves, each as it is set to: convene room set", "Scheduling.Options.AutoSchedule Scheduling.Options.AllowUserAutoAccept"},
	{"groups are no organizers", "Scheduling.Options.AllowGroupAsOrganizer"},
	{"there is no wiki", "Authentication.Wiki WebCalendarAuthPath"},
	{"SHA-256 and MD5 are offered, with qop=auth: auth.digest.algorithms", "Authentication.Digest.Algorithm Authentication.Digest.Qop"},
	{"the keytab says it", "Authentication.Kerberos.ServicePrincipal"},
	{"the scheme was not switched on, or it is so by default", "Authentication.Basic Authentication.Digest Authentication.Kerberos"},
	{"who has no certificate signs in in another way", "Authentication.ClientCertificate.Required Authentication.ClientCertificate.SendCAsToClient Authentication.ClientCertificate.AllowedOverWireUnencrypted Authentication.ClientCertificate.CAFiles"},
	{"people who are gone keep their data until leavers.keep, or convene offboard", "AutomaticPurging"},
	{"delegates are in the delegate database: convene delegate", "ProxyDBService"},
	{"searches are for the beginnings of words in names", "DirectoryFilterStartsWith"},
	{"attributes that are not named are those of the preset", params + "mapping " + params + "rdnSchema " + params + "groupSchema " + params + "resourceSchema " + params + "partitionSchema " + params + "extraFilters " + params + "restrictEnabledRecords"},
	{"the cache and the limits of the directory are [directory.cache] and [directory.ldap]", "DirectoryCaching " + params + "cacheTimeout " + params + "negativeCaching " + params + "warningThresholdSeconds " + params + "batchSize " + params + "statSeconds " + places + ".params.statSeconds " + adds + ".params.statSeconds"},
	{"StartTLS checks the certificate always: directory.ldap.ca-file, or certificate-fingerprints", params + "tlsRequireCert " + params + "tlsCACertDir"},
	{"the types of records are those that the file has", params + "recordTypes " + places + ".params.recordTypes"},
	{"which file is read, the name of the file says", people + ".Enabled " + places + ".Enabled"},
	{"the file that is named was not found, or there is none", people + " " + places + " " + adds},
	{"there is no trash: a backup is where deleted events are", "EnableTrashCollection ExposeTrashCollection"},
	{"attachments are within events, or links: the server keeps none (RFC 8607)", "EnableManagedAttachments MaximumAttachmentsPerInstance MaximumAttachmentSize"},
	{"figures are those of convene status and /health", "Stats GlobalStatsSocket GlobalStatsLoggingPeriod GlobalStatsLoggingFrequency"},
	{"clients are not refused by their names", "RejectClients"},
	{"sharing with people from elsewhere is by published links", "Sharing.AllowExternalUsers"},
	{"calendars are shared by their access control lists", "Sharing"},
	{"files of events are those of convene, which have no dropbox", "EnableDropBox"},
}

// reason says why a key is left out: that of the longest key that it is, or is below; "" if
// nothing is said of it.
func reason(key string) (why string) {
	best := ""
	for _, r := range reasons {
		for k := range strings.FieldsSeq(r.keys) {
			if (k == key || strings.HasPrefix(key, k+".")) && len(k) > len(best) {
				best, why = k, r.why
			}
		}
	}
	return why
}

// named reports whether the tables say something of a key below this one.
func named(key string) bool {
	for k := range keys {
		if strings.HasPrefix(k, key+".") {
			return true
		}
	}
	for _, r := range reasons {
		for k := range strings.FieldsSeq(r.keys) {
			if strings.HasPrefix(k, key+".") {
				return true
			}
		}
	}
	return false
}
