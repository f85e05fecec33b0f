package config

import (
	"fmt"
	"slices"
	"time"

	"convene/scheduling"
)

// Scheduling says how meetings are handled.
type Scheduling struct {
	Addresses string   `toml:"addresses" doc:"How people of this server are named in the calendar data that clients get: \"mailto\", as all clients understand, or \"urn\", as it is stored. A change takes effect with the next start."`
	Domains   []string `toml:"mail-domains" doc:"Mail domains whose addresses are all of people here: who is not in the directory does not exist, and is not invited by mail."`
	SentBy    string   `toml:"sent-by" doc:"Where an assistant who acts for somebody is named, as SENT-BY beside them: \"always\", in calendars, messages and mail, \"messages\", not in calendars, or \"never\"."`
	Groups    bool     `toml:"expand-groups" doc:"Inviting a group invites each of its members."`

	RefreshMost int           `toml:"max-refresh" doc:"Up to how many attendees of a meeting are told at once when one of them answers. In larger ones they see others' answers only with the organizer's next change."`
	InboxLife   time.Duration `toml:"inbox-life" doc:"How long a message stays in an inbox that no client removes it from. 0: for ever."`
	PerHour     int           `toml:"max-messages-per-hour" doc:"How many invitations, changes, answers and cancellations one person sends in an hour, one for each recipient. Beyond that changes of meetings are refused for a while (429), so that nobody floods the calendars of others. 0: without limit."`
	TimeStamps  bool          `toml:"answer-time" doc:"Note in calendar data when an attendee answered."`

	OldDrafts bool `toml:"old-drafts" doc:"Clients that put messages about meetings into the outbox themselves, as early drafts of the standard had it, are told that these have arrived. Nothing is sent: the server has done so. false: they are refused."`

	ToAttendees       []string `toml:"organizer-properties" doc:"Names of X- properties that attendees get from the organizer. Others stay with whom wrote them."`
	ToOrganizer       []string `toml:"attendee-properties" doc:"The same from attendees to the organizer; these go both ways."`
	ToAttendeesParams []string `toml:"organizer-parameters" doc:"Names of X- parameters of ATTENDEE and ORGANIZER that attendees get from the organizer."`
	ToOrganizerParams []string `toml:"attendee-parameters" doc:"The same from attendees to the organizer; these go both ways."`
}

// addressForms are the values of scheduling.addresses.
var addressForms = map[string]scheduling.AddressForm{
	"mailto": scheduling.MailAddresses, "urn": scheduling.CanonicalAddresses,
}

// sentBy are the values of scheduling.sent-by.
var sentBy = map[string]scheduling.SentBy{
	"always": scheduling.SentByAlways, "messages": scheduling.SentByMessages, "never": scheduling.SentByNever,
}

// defaultScheduling is what scheduling itself goes by.
func defaultScheduling() Scheduling {
	o := scheduling.DefaultOptions()
	return Scheduling{
		Addresses: "mailto", SentBy: "always", Groups: o.ExpandGroups, RefreshMost: o.RefreshMost, InboxLife: 14 * 24 * time.Hour, PerHour: 2000, OldDrafts: true,
		TimeStamps: o.PartStatTimestamp, ToAttendees: o.ToAttendees, ToOrganizer: o.ToOrganizer,
		ToAttendeesParams: o.ToAttendeesParams, ToOrganizerParams: o.ToOrganizerParams,
	}
}

// mostAttendees is how many attendees a meeting has at most, whatever the quota says: all
// get it in one transaction, for which other writers wait.
const mostAttendees = 5000

// Options is what package scheduling needs of the configuration. A smaller number of
// attendees is for the quota to say.
func (s *Scheduling) Options() *scheduling.Options {
	o := scheduling.DefaultOptions()
	o.Addresses, o.ExpandGroups, o.RefreshMost = addressForms[s.Addresses], s.Groups, s.RefreshMost
	o.PartStatTimestamp, o.MaxAttendees, o.SentBy = s.TimeStamps, mostAttendees, sentBy[s.SentBy]
	o.ToAttendees, o.ToOrganizer = s.ToAttendees, s.ToOrganizer
	o.ToAttendeesParams, o.ToOrganizerParams = s.ToAttendeesParams, s.ToOrganizerParams
	return o
}

func (k *checker) scheduling(s *Scheduling) {
	k.oneOf("scheduling.addresses", s.Addresses, "mailto", "urn")
	k.oneOf("scheduling.sent-by", s.SentBy, "always", "messages", "never")
	if s.RefreshMost < 0 {
		k.fault("scheduling.max-refresh", fmt.Sprintf("%d is below zero", s.RefreshMost), "0: nobody is told")
	}
	k.notNegative("scheduling.max-messages-per-hour", s.PerHour)
	if s.InboxLife < 0 {
		k.fault("scheduling.inbox-life", "it is below zero", "0: messages stay")
	}
	for _, list := range []struct {
		key   string
		names []string
	}{
		{"organizer-properties", s.ToAttendees}, {"attendee-properties", s.ToOrganizer},
		{"organizer-parameters", s.ToAttendeesParams}, {"attendee-parameters", s.ToOrganizerParams},
	} {
		if i := slices.IndexFunc(list.names, func(n string) bool { return len(n) < 3 || n[:2] != "X-" }); i >= 0 {
			k.fault("scheduling."+list.key, fmt.Sprintf("%q does not begin with X-", list.names[i]), "all others are part of every message")
		}
	}
}
