package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"convene/internal/ical"
)

// A Knob is one setting of a policy.
type Knob struct {
	Name    string // as it is written everywhere: "min-notice"
	Default string // as Get returns it for a location
	Range   string // what it may be, for people
	Doc     string // one sentence

	parse func(p *Policy, s string) error
	text  func(p *Policy) string
}

// Set gives the knob of p a value. Errors wrap ErrValue; then p is as before.
func (k *Knob) Set(p *Policy, value string) error {
	if err := k.parse(p, value); err != nil {
		return fmt.Errorf("%s: %w", k.Name, err)
	}
	return nil
}

// Get returns the value that the knob has in p, as Set takes it.
func (k *Knob) Get(p *Policy) string { return k.text(p) }

// typed makes a knob of a field with a way to read and one to write it.
func typed[T any](name, value, rng, doc string, at func(*Policy) *T, read func(string) (T, error), write func(T) string) Knob {
	return Knob{Name: name, Default: value, Range: rng, Doc: doc,
		parse: func(p *Policy, s string) error {
			v, err := read(s)
			if err == nil {
				*at(p) = v
			}
			return err
		},
		text: func(p *Policy) string { return write(*at(p)) },
	}
}

func number(name, value string, low, high int, doc string, at func(*Policy) *int) Knob {
	read := func(s string) (int, error) { return parseInt(s, low, high) }
	return typed(name, value, fmt.Sprintf("%d to %d", low, high), doc, at, read, strconv.Itoa)
}

func yes(name, value, doc string, at func(*Policy) *bool) Knob {
	return typed(name, value, "true or false", doc, at, parseBool, strconv.FormatBool)
}

func text(name, doc string, at func(*Policy) *string) Knob {
	return typed(name, "", "text", doc, at, parseText, func(s string) string { return s })
}

// word makes a knob whose value is one of words; the first is the default.
func word(name, doc string, at func(*Policy) *string, words ...string) Knob {
	read := func(s string) (string, error) { return parseWord(s, words) }
	return typed(name, words[0], strings.Join(words, ", "), doc, at, read, func(s string) string { return s })
}

func list(name, value, rng, doc string, read func(string) (List, error), at func(*Policy) *List) Knob {
	return typed(name, value, rng, doc, at, read, List.String)
}

func principals(name, value, doc string, at func(*Policy) *List) Knob {
	return list(name, value, "principals", doc, parsePrincipals, at)
}

func modeKnob() Knob {
	words := []string{string(ModeAutomatic), string(ModeNone), string(ModeAcceptAlways), string(ModeDeclineAlways),
		string(ModeAcceptIfFree), string(ModeDeclineIfBusy)}
	read := func(s string) (Mode, error) { w, err := parseWord(s, words); return Mode(w), err }
	return typed("mode", words[0], strings.Join(words, ", "), "how it answers by itself; of users, none", func(p *Policy) *Mode { return &p.Mode },
		read, func(m Mode) string { return string(m) })
}

func zoneKnob() Knob {
	read := func(s string) (*ical.Zone, error) {
		z, err := ical.LoadZone(s)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrValue, err)
		}
		return z, nil
	}
	return typed("timezone", "UTC", "a time zone", "zone of dates, hours and days", func(p *Policy) **ical.Zone { return &p.Zone }, read, (*ical.Zone).Name)
}

// Exclusive is the name of the knob whose default depends on another.
const exclusive = "exclusive"

// pool is the name of the knob of groups, which have no other.
const pool = "pool"

// Of reports whether something of a kind has the knob.
func (k *Knob) Of(kind Kind) bool { return (k.Name == pool) == (kind == Group) }

// Knobs returns all knobs, in the order in which they are shown.
func Knobs() []Knob { return slices.Clone(knobs()) }

// knobs is Knobs, shared: each booking asks for them.
var knobs = sync.OnceValue(func() []Knob {
	return slices.Concat(answering(), whom(), when(), howMany(), approving(), telling(), living(), placing())
})

// Find returns the knob of that name.
func Find(name string) (Knob, error) {
	all := knobs()
	i := slices.IndexFunc(all, func(k Knob) bool { return k.Name == name })
	if i < 0 {
		return Knob{}, fmt.Errorf("%w: there is no setting %q of rooms", ErrValue, name)
	}
	return all[i], nil
}

func answering() []Knob {
	return []Knob{
		modeKnob(),
		list("auto-accept-group", "", "a user or group", "whose members it answers automatically in mode none, decline-always or decline-if-busy", parsePrincipal,
			func(p *Policy) *List { return &p.AutoAccept }),
		yes(exclusive, "true", "no more than slots bookings at one time; false by itself in mode accept-always", func(p *Policy) *bool { return &p.Exclusive }),
		number("slots", "1", 0, 10000, "how many bookings at one time; 0: any number", func(p *Policy) *int { return &p.Slots }),
		yes(pool, "false", "of a group whose members are rooms or resources: who invites it books one of them", func(p *Policy) *bool { return &p.Pool }),
		yes("bookable", "true", "can be booked at all", func(p *Policy) *bool { return &p.Bookable }),
		word("on-conflict", "what becomes of an invitation that it declines: the meeting stays without it, or its organizer's request fails",
			func(p *Policy) *string { return &p.OnConflict }, Decline, Refuse),
		word("schedule-agent", "whether SCHEDULE-AGENT=NONE keeps it from being asked", func(p *Policy) *string { return &p.ScheduleAgent }, HonourNone, Ignore),
	}
}

func whom() []Knob {
	return []Knob{
		principals("book", Everybody, "whom it answers by itself", func(p *Policy) *List { return &p.Book }),
		principals("request", "", "whose bookings need approval", func(p *Policy) *List { return &p.Request }),
		principals("request-out", "", "who may ask for what is against the rules", func(p *Policy) *List { return &p.RequestOut }),
		principals("deny", "", "who never gets it, whatever the other lists say", func(p *Policy) *List { return &p.Deny }),
		word("external", "what organizers outside the directory may do", func(p *Policy) *string { return &p.External }, Refuse, Request, Book),
		word("book-by-assistant", "whose permission counts when an assistant books", func(p *Policy) *string { return &p.ByAssistant }, Principal, Either, Both),
		word("direct", "who may write events without organizer into its calendar", func(p *Policy) *string { return &p.Direct }, Delegates, Nobody),
		yes("organizes", "false", "may be the organizer of meetings", func(p *Policy) *bool { return &p.Organizes }),
	}
}

func when() []Knob {
	return []Knob{
		yes("recurring", "true", "takes series", func(p *Policy) *bool { return &p.Recurring }),
		number("max-conflicts", "-1", -1, 10000, "dates of a series that may be taken before all of it is declined; -1: no limit", func(p *Policy) *int { return &p.MaxConflicts }),
		number("max-conflict-percent", "100", 0, 100, "the same, in percent of the dates", func(p *Policy) *int { return &p.MaxConflictPercent }),
		number("window", "-1", -1, 3650, "days ahead that can be booked; 0: today, -1: no limit", func(p *Policy) *int { return &p.Window }),
		word("beyond-window", "what is declined of a series that goes on behind the window", func(p *Policy) *string { return &p.BeyondWindow }, DeclineSeries, DeclineOccurrences),
		number("min-notice", "0", 0, 525600, "minutes before its start that a booking must be made", func(p *Policy) *int { return &p.MinNotice }),
		number("min-duration", "0", 0, 525600, "minutes that a booking takes at least", func(p *Policy) *int { return &p.MinDuration }),
		number("max-duration", "0", 0, 525600, "minutes that a booking takes at most; 0: no limit", func(p *Policy) *int { return &p.MaxDuration }),
		typed("hours", "", `such as "Mon-Fri 08:00-18:00; Sat 09:00-12:00"`, "when it is open; nothing: always", func(p *Policy) *Hours { return &p.Hours }, ParseHours, Hours.String),
		yes("hours-only", "false", "no booking outside of hours", func(p *Policy) *bool { return &p.HoursOnly }),
		zoneKnob(),
		number("buffer-before", "0", 0, minutesADay, "minutes before each booking that belong to it", func(p *Policy) *int { return &p.BufferBefore }),
		number("buffer-after", "0", 0, minutesADay, "minutes after each booking that belong to it", func(p *Policy) *int { return &p.BufferAfter }),
		number("horizon", "1095", 30, 3660, "days ahead that it can be booked", func(p *Policy) *int { return &p.Horizon }),
		number("max-occurrences", "3000", 1, 20000, "dates of a series within the horizon", func(p *Policy) *int { return &p.MaxOccurrences }),
		number("max-overrides", "400", 1, 3000, "dates of a series that may be answered differently from the rest", func(p *Policy) *int { return &p.MaxOverrides }),
	}
}

func howMany() []Knob {
	return []Knob{
		number("capacity", "0", 0, 1000000, "seats; 0: not known", func(p *Policy) *int { return &p.Capacity }),
		yes("enforce-capacity", "false", "declines meetings of more people than capacity", func(p *Policy) *bool { return &p.EnforceCapacity }),
		word("capacity-grace", "what becomes of a booking whose meeting grows over the capacity", func(p *Policy) *string { return &p.CapacityGrace }, Keep, Decline),
		number("min-attendees", "0", 0, 10000, "people that a meeting must have", func(p *Policy) *int { return &p.MinAttendees }),
	}
}

func approving() []Knob {
	return []Knob{
		principals("approvers", "", "who answers requests; nobody named: its delegates, else its owners", func(p *Policy) *List { return &p.Approvers }),
		number("approval-expires", "72", 1, 8760, "hours after which a request is answered by on-expiry", func(p *Policy) *int { return &p.ApprovalExpires }),
		word("on-expiry", "the answer to requests that nobody answers", func(p *Policy) *string { return &p.OnExpiry }, Decline, Accept),
		number("remind-after", "50", 0, 100, "percent of that time after which the approvers are reminded; 0: never", func(p *Policy) *int { return &p.RemindAfter }),
		word("pending", "whether a request holds its time", func(p *Policy) *string { return &p.Pending }, Tentative, Free),
	}
}

func telling() []Knob {
	strip := []string{"subject", "description", "attachments"}
	return []Knob{
		word("others-see", "what its calendar shows to those without a right on it", func(p *Policy) *string { return &p.OthersSee }, SeeOrganizer, SeeBusy, SeeDetails),
		list("strip", "", strings.Join(strip, ", "), "what is left out of its own copy of a meeting", func(s string) (List, error) { return parseWords(s, strip) },
			func(p *Policy) *List { return &p.Strip }),
		word("private-bookings", "whether others see the organizer of a private booking", func(p *Policy) *string { return &p.PrivateBookings }, Hide, Show),
		yes("reasons", "true", "tells why it declines", func(p *Policy) *bool { return &p.Reasons }),
		word("name-holder", "whether it says who has booked it, to those who may see it", func(p *Policy) *string { return &p.NameHolder }, Visible, Never),
		text("response-text", "last line of its replies", func(p *Policy) *string { return &p.ResponseText }),
		number("alternatives", "3", 0, 10, "free rooms that it names when it declines", func(p *Policy) *int { return &p.Alternatives }),
	}
}

func living() []Knob {
	return []Knob{
		word("check-in", "whether people check in", func(p *Policy) *string { return &p.CheckIn }, Off, Optional, Required),
		number("opens", "15", 0, minutesADay, "minutes before the start that check-in begins", func(p *Policy) *int { return &p.Opens }),
		number("closes", "10", 1, minutesADay, "minutes after the start that check-in ends", func(p *Policy) *int { return &p.Closes }),
		yes("release-noshow", "true", "is released when nobody checked in and check-in is required", func(p *Policy) *bool { return &p.ReleaseNoShow }),
		word("series-noshow", "whether the rest of a series is released too when nobody checked in three times in a row", func(p *Policy) *string { return &p.SeriesNoShow }, Off, ReleaseRest),
		yes("release-declined", "false", "is released when everybody else has declined", func(p *Policy) *bool { return &p.ReleaseDeclined }),
	}
}

func placing() []Knob {
	features := func(name, doc string, at func(*Policy) *List) Knob {
		return list(name, "", "a list", doc, parseList, at)
	}
	return []Knob{
		text("building", "building", func(p *Policy) *string { return &p.Place.Building }),
		text("floor", "floor", func(p *Policy) *string { return &p.Place.Floor }),
		text("section", "part of the floor", func(p *Policy) *string { return &p.Place.Section }),
		text("room", "number of the room", func(p *Policy) *string { return &p.Place.Room }),
		text("address", "postal address", func(p *Policy) *string { return &p.Place.Address }),
		typed("geo", "", "latitude;longitude", "position", func(p *Policy) *string { return &p.Place.Geo }, parseGeo, func(s string) string { return s }),
		text("label", "what is on its door", func(p *Policy) *string { return &p.Place.Label }),
		text("phone", "telephone in it", func(p *Policy) *string { return &p.Place.Phone }),
		text("contact", "whom to ask", func(p *Policy) *string { return &p.Place.Contact }),
		text("photo", "URL of a picture", func(p *Policy) *string { return &p.Place.Photo }),
		text("av-audio", "audio device", func(p *Policy) *string { return &p.Place.Audio }),
		text("av-video", "video device", func(p *Policy) *string { return &p.Place.Video }),
		text("av-display", "display", func(p *Policy) *string { return &p.Place.Display }),
		yes("av-teams", "false", "a Teams room", func(p *Policy) *bool { return &p.Place.Teams }),
		yes("accessible", "false", "can be reached with a wheelchair", func(p *Policy) *bool { return &p.Place.Accessible }),
		features("features", "what is in it", func(p *Policy) *List { return &p.Place.Features }),
		features("tags", "further words to find it by", func(p *Policy) *List { return &p.Place.Tags }),
	}
}

// parseGeo reads a position as GEO has it (RFC 5545 §3.8.1.6).
func parseGeo(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", nil
	}
	lat, lon, _ := strings.Cut(s, ";")
	a, errA := strconv.ParseFloat(strings.TrimSpace(lat), 64)
	b, errB := strconv.ParseFloat(strings.TrimSpace(lon), 64)
	if errA != nil || errB != nil || !(a >= -90 && a <= 90) || !(b >= -180 && b <= 180) {
		return "", fmt.Errorf("%w: %q is not a latitude and a longitude such as 52.52;13.40", ErrValue, s)
	}
	return s, nil
}
