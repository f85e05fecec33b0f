package admin

import (
	"errors"
	"io/fs"
	"net/http"
	"syscall"

	"convene/admin/backup"
	"convene/audit"
	"convene/auth"
	"convene/delegation"
	"convene/directory"
	"convene/internal/engine"
	"convene/internal/settings"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/sacl"
	"convene/store"
)

// A Status says how a verb ended. Its number is the exit status of the command
// that called it.
type Status int

// The statuses. StatusPartly and StatusProblems come with a value that says
// more; the others with an error alone.
const (
	StatusDone     Status = 0
	StatusFailed   Status = 1
	StatusUsage    Status = 2  // the command or request makes no sense
	StatusNotFound Status = 3  // a principal, device password, file or folder is not there
	StatusRefused  Status = 4  // not permitted, or over a limit
	StatusAway     Status = 5  // the directory or the server that is needed cannot be reached
	StatusConflict Status = 6  // in use, or more than one thing is meant
	StatusPartly   Status = 7  // done in part
	StatusProblems Status = 10 // a check ran and found problems
)

// http returns the status of the response on the socket.
func (s Status) http() int {
	switch s {
	case StatusUsage:
		return http.StatusBadRequest
	case StatusNotFound:
		return http.StatusNotFound
	case StatusRefused:
		return http.StatusForbidden
	case StatusAway:
		return http.StatusServiceUnavailable
	case StatusConflict:
		return http.StatusConflict
	}
	return http.StatusInternalServerError
}

// A Kind is a sort of error that callers tell apart.
type Kind struct {
	Err    error // what errors.Is finds
	Name   string
	Status Status
	Cure   string // what to do about it; may be empty
}

// kinds are the errors that keep their identity on the way through the socket.
// The first that fits counts.
var kinds = []Kind{
	{ErrRequest, "request", StatusUsage, ""},
	{audit.ErrNotRecorded, "not-recorded", StatusFailed, "free space on the disk of the audit log, or make it writable; nothing was changed"},
	{store.ErrPaused, "maintenance", StatusRefused, "convene maintenance off ends it; nothing was changed"},
	{audit.ErrForeign, "foreign-audit", StatusRefused, "move the file that log.audit names away"},
	{ErrVerb, "verb", StatusFailed, "restart the server, so that it has the version of this program"},
	{policy.ErrValue, "setting", StatusUsage, "convene room show ROOM prints all settings; docs/admin/rooms.md says what they may be"},
	{ErrNoRoom, "no-room", StatusRefused, "name a record of type location or resource"},
	{ErrNoRequest, "no-request", StatusNotFound, "convene room pending lists those that wait"},
	{ErrAnswered, "answered", StatusConflict, "the first answer counts; the room's delegates can change it in its calendar"},
	{ErrNotApprover, "not-approver", StatusRefused, "convene room show ROOM prints its approvers"},
	{ErrNoBooking, "no-booking", StatusNotFound, "check the room and the time"},
	{ErrManyBookings, "many-bookings", StatusConflict, "name one with --uid"},
	{ErrCheckIn, "check-in", StatusRefused, ""},
	{ErrOverbooked, "overbooked", StatusConflict, "nothing was changed; --grandfather lets what is booked stay, and convene room check names it"},
	{ErrRoomTaken, "room-taken", StatusConflict, "nothing was changed; --displace of room block declines what is booked"},
	{ErrRoomTime, "time", StatusUsage, ""},
	{rooms.ErrQuery, "room-query", StatusUsage, "convene room find --help says what may be asked"},
	{ErrDeclined, "declined", StatusConflict, "convene room find says what is free"},
	{ErrNotBooked, "not-booked", StatusRefused, ""},
	{ErrStillActive, "still-active", StatusRefused, "disable or remove the record in the directory first; nothing was changed"},
	{ErrBegun, "begun", StatusConflict, "run it again as it was begun; nothing was changed"},
	{ErrMailWaits, "mail-waits", StatusConflict, "run it again when the mail was sent: convene mail list says what waits"},
	{ErrSuccessor, "successor", StatusRefused, "name another person who has calendars"},
	{rooms.ErrSettings, "damaged-settings", StatusFailed, "restore a backup: convene restore"},
	{sacl.ErrBadRule, "rule", StatusUsage, "name everyone, user:NAME, group:NAME or a GUID, and a service: all, calendar, web or admin"},
	{settings.ErrInvalid, "configuration", StatusFailed, "convene config check names each mistake"},
	{directory.ErrNotFound, "not-found", StatusNotFound, "check the name; a GUID works too"},
	{directory.ErrAmbiguous, "ambiguous", StatusConflict, "name the GUID"},
	{directory.ErrUnavailable, "unavailable", StatusAway, "try again when the directory responds; the error log has the cause"},
	{auth.ErrTooManyDevices, "devices", StatusRefused, "revoke one: convene devicepw revoke"},
	{auth.ErrNotEnabled, "not-enabled", StatusRefused, "enable the record in the directory"},
	{ErrNoDevices, "no-devices", StatusRefused, "offer basic or digest in auth.schemes"},
	{ErrNoCalendars, "no-calendars", StatusRefused, "enable calendars for the record in the directory"},
	{ErrNoResource, "no-resource", StatusNotFound, "name what is below /principals/ or /calendars/"},
	{ErrNoLetter, "no-letter", StatusNotFound, "convene mail list has the numbers of those that wait"},
	{ErrMail, "mail", StatusAway, "check the settings of mail, and the log of the submission server"},
	{ErrNotRunning, "not-running", StatusAway, "start it: convene serve"},
	{backup.ErrForeign, "not-a-backup", StatusRefused, "name a file that convene backup wrote"},
	{backup.ErrNewer, "newer-backup", StatusRefused, "use the version of convene that wrote the backup, or a later one"},
	{backup.ErrDamaged, "damaged-backup", StatusFailed, "use another backup; convene backup verify says which are whole"},
	{backup.ErrEncrypted, "encrypted-backup", StatusRefused, "name the file of a key that it is encrypted to: --identity FILE"},
	{backup.ErrKey, "other-key", StatusRefused, "name the key of one of the recipients"},
	{backup.ErrKeyText, "key", StatusUsage, "age-keygen makes keys; recipients begin with age1"},
	{backup.ErrChain, "broken-chain", StatusRefused, "put all backups of the chain into one folder, or use another backup"},
	{backup.ErrReplaces, "replaces-base", StatusConflict, "write it to another file"},
	{backup.ErrOccupied, "occupied", StatusRefused, "--replace moves it into a folder with the date first"},
	{backup.ErrNoDelegates, "no-delegates", StatusNotFound, "leave out --delegates or --only, or use a backup that has them"},
	{backup.ErrPartial, "partial-backup", StatusNotFound, "restore it with --only delegates, or use a whole backup"},
	{backup.ErrInUse, "data-in-use", StatusConflict, "stop the server, or wait for the other command to end"},
	{delegation.ErrRefused, "delegates-refused", StatusFailed, "convene delegate verify says what is wrong with the delegate database, and what to do"},
	{delegation.ErrCopy, "no-copy", StatusRefused, "name a copy of delegates.d, or a file that convene delegate backup wrote on this server"},
	{delegation.ErrState, "other-state", StatusRefused, "convene delegate verify says which cure is for the state that the database is in"},
	{delegation.ErrFull, "delegates-full", StatusFailed, "free space on the disk of the data folder"},
	{delegation.ErrReadOnly, "delegates-read-only", StatusFailed, "make the data folder writable, then start the server again"},
	{delegation.ErrNotFound, "no-delegation", StatusNotFound, "convene delegate list says who acts for whom"},
	{delegation.ErrUnknownPrincipal, "unknown-principal", StatusNotFound, "correct the names, or leave them out with --skip-unknown; nothing was changed"},
	{delegation.ErrDenied, "delegate-denied", StatusRefused, ""},
	{delegation.ErrSelf, "delegate-self", StatusUsage, ""},
	{delegation.ErrRoomDelegate, "room-delegate", StatusUsage, "name a person or a group"},
	{delegation.ErrNoCalendars, "delegate-no-calendars", StatusRefused, "enable calendars for the group in the directory"},
	{delegation.ErrEndBeforeBegin, "delegate-times", StatusUsage, ""},
	{delegation.ErrNoteTooLong, "delegate-note", StatusUsage, ""},
	{delegation.ErrLevel, "delegate-level", StatusUsage, "the levels are read and write"},
	{delegation.ErrInvalid, "delegate-invalid", StatusUsage, "nothing was changed"},
	{engine.ErrInUse, "in-use", StatusConflict, "wait for the other command to end"},
	{engine.ErrFull, "disk-full", StatusFailed, "free space on the disk of the data folder"},
	{syscall.ENOSPC, "no-space", StatusFailed, "free space on the disk that is written to"},
	{engine.ErrNoFile, "no-database", StatusFailed, "put the file back, or restore a backup: convene restore"},
	{engine.ErrLog, "log", StatusFailed, "if the log is this file's, convene recover takes in what continues it, and keeps the rest"},
	{engine.ErrDamaged, "damaged-file", StatusFailed, "restore a backup: convene restore"},
	{store.ErrNewer, "newer", StatusRefused, "use the version of convene that wrote the data folder, or a later one"},
	{auth.ErrNewer, "newer-state", StatusRefused, "use the version of convene that wrote the data folder, or a later one"},
	{sacl.ErrNewer, "newer-rules", StatusRefused, "use the version of convene that wrote the data folder, or a later one"},
	{store.ErrForeign, "foreign", StatusRefused, "check server.data"},
	{store.ErrCorrupt, "damaged", StatusFailed, "convene verify says what is damaged; restore that from a backup"},
	{store.ErrNotFound, "no-home", StatusNotFound, ""},
	{fs.ErrNotExist, "no-file", StatusNotFound, "check the path"},
	{fs.ErrPermission, "permission", StatusRefused, "run this as the server's account or root"},
}

// KindOf returns the kind of err, directly or through the socket; one without
// Err, named "failed", if it has none.
func KindOf(err error) Kind {
	for _, k := range kinds {
		if errors.Is(err, k.Err) {
			return k
		}
	}
	return Kind{Name: "failed", Status: StatusFailed}
}

// A Problem is the JSON form of an error.
type Problem struct {
	Error string `json:"error"`
	Kind  string `json:"kind"`
	Cure  string `json:"cure,omitempty"`
}

// remoteError is an error that came through the socket.
type remoteError struct {
	text string
	kind error // the Err of one of kinds, or nil
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.kind }

// remote is the error that p reports.
func remote(p Problem) error {
	e := &remoteError{text: p.Error}
	for _, k := range kinds {
		if p.Kind == k.Name {
			e.kind = k.Err
		}
	}
	return e
}
