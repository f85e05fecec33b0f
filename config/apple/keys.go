package apple

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"convene/internal/settings"
)

// A row is a key that one setting here stands for.
type row struct {
	setting string
	convert func(*Value) (any, error)
	note    string // what is different here
}

// keys are those with one counterpart.
var keys = map[string]row{
	"ServerHostName":                  {"server.host-name", str, ""},
	"StrictTransportSecuritySeconds":  {"web.hsts", times(time.Second), ""},
	"DefaultTimezone":                 {"web.time-zone", str, ""},
	"DefaultLogLevel":                 {"log.level", str, ""},
	"DirectoryRealmName":              {"auth.realm", str, "shown in password prompts"},
	"EnableReadOnlyServer":            {"", refuse("a server is made read-only with convene maintenance"), ""},
	"UserQuota":                       {"quota.bytes", size, "all that somebody stores counts, there it was attachments alone"},
	"MaxCollectionsPerHome":           {"quota.max-collections", number, ""},
	"MaxResourcesPerCollection":       {"quota.max-resources", number, ""},
	"MaxResourceSize":                 {"quota.max-resource-size", size, ""},
	"MaxAttendeesPerInstance":         {"quota.max-attendees-per-instance", number, ""},
	"MaxPrincipalSearchReportResults": {"calendars.max-search-results", number, ""},
	"EnablePrincipalListings":         {"calendars.list-principals", boolean, ""},

	"RestrictCalendarsToOneComponentType":                 {"calendars.single-component", boolean, ""},
	"InboxCleanup.ItemLifetimeDays":                       {"scheduling.inbox-life", times(24 * time.Hour), ""},
	"RevisionCleanup.SyncTokenLifetimeDays":               {"storage.sync-for", times(24 * time.Hour), ""},
	"GroupAttendees.Enabled":                              {"scheduling.expand-groups", boolean, ""},
	"Localization.Language":                               {"mail.language", str, ""},
	"Scheduling.CalDAV.EmailDomain":                       {"scheduling.mail-domains", list, "who has such an address and is not in the directory does not exist"},
	"Scheduling.CalDAV.OldDraftCompatibility":             {"scheduling.old-drafts", boolean, ""},
	"Scheduling.CalDAV.OrganizerPublicProperties":         {"scheduling.organizer-properties", list, ""},
	"Scheduling.CalDAV.OrganizerPublicParameters":         {"scheduling.organizer-parameters", list, ""},
	"Scheduling.CalDAV.AttendeePublicProperties":          {"scheduling.attendee-properties", list, ""},
	"Scheduling.CalDAV.AttendeePublicParameters":          {"scheduling.attendee-parameters", list, ""},
	"Scheduling.Options.LimitFreeBusyAttendees":           {"calendars.free-busy-people", positive, "people and groups; rooms have calendars.free-busy-rooms"},
	"Scheduling.Options.AttendeeRefreshCountLimit":        {"scheduling.max-refresh", positive, ""},
	"Scheduling.Options.TimestampAttendeePartStatChanges": {"scheduling.answer-time", boolean, ""},
	"Scheduling.Options.AllowLocationAsOrganizer":         {"rooms.locations.organizes", word, ""},
	"Scheduling.Options.AllowResourceAsOrganizer":         {"rooms.resources.organizes", word, ""},
	"Scheduling.Options.AllowLocationWithoutOrganizer":    {"rooms.locations.direct", direct, "by delegates of the room"},
	"Scheduling.Options.AllowResourceWithoutOrganizer":    {"rooms.resources.direct", direct, "by delegates of the resource"},

	"Scheduling.Options.AutoSchedule.FutureFreeBusyDays": {"rooms.defaults.horizon", word, ""},
}

func want(what string, v *Value) error {
	return fmt.Errorf("a value of the kind %s, where convene needs %s", v.Kind, what)
}

func refuse(why string) func(*Value) (any, error) {
	return func(v *Value) (any, error) {
		if v.empty() {
			return nil, errors.New("nothing is switched on by it")
		}
		return nil, errors.New(why)
	}
}

func str(v *Value) (any, error) {
	if v.Kind != "string" {
		return nil, want("a text", v)
	}
	return v.text(), nil
}

func list(v *Value) (any, error) {
	if v.Kind != "array" && v.Kind != "string" {
		return nil, want("texts", v)
	}
	return v.texts(), nil
}

func boolean(v *Value) (any, error) {
	if v.Kind != "bool" {
		return nil, want("true or false", v)
	}
	return v.on(), nil
}

func number(v *Value) (any, error) {
	n, err := strconv.ParseInt(v.Text, 0, 32)
	if v.Kind != "integer" || err != nil || n < 0 {
		return nil, want("a whole number that is not below zero", v)
	}
	return int(n), nil
}

// positive is a number of which 0 says there that there is no limit, and here that there is
// nothing.
func positive(v *Value) (any, error) {
	n, err := number(v)
	if err == nil && n == 0 {
		err = errors.New("0 is without limit there; here it has to be one")
	}
	return n, err
}

func size(v *Value) (any, error) {
	n, err := strconv.ParseInt(v.Text, 0, 64)
	if v.Kind != "integer" || err != nil || n < 0 {
		return nil, want("a number of bytes", v)
	}
	return settings.Size(n), nil
}

// word is a value of a setting of rooms, which are all texts.
func word(v *Value) (any, error) {
	if v.Kind != "bool" && v.Kind != "integer" && v.Kind != "string" {
		return nil, want("a word", v)
	}
	return v.Text, nil
}

func direct(v *Value) (any, error) {
	if v.Kind != "bool" {
		return nil, want("true or false", v)
	}
	if v.on() {
		return "delegates", nil
	}
	return "nobody", nil
}

// times is a duration in some unit.
func times(unit time.Duration) func(*Value) (any, error) {
	return func(v *Value) (any, error) {
		n, err := strconv.ParseFloat(v.Text, 64)
		if v.Kind != "integer" && v.Kind != "real" || err != nil || !(n >= 0 && n <= 36500*24*3600) {
			return nil, want("a time in numbers", v)
		}
		if total := n * unit.Seconds(); total <= 100*365*24*3600 {
			return time.Duration(total * float64(time.Second)).Round(time.Second), nil
		}
		return nil, errors.New("a time of more than a hundred years")
	}
}
