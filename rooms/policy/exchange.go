package policy

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// An Imported room is what a line of Exchange's settings says.
type Imported struct {
	Identity string            // as Exchange names the room
	Values   map[string]string // by the name of the knob
	Notes    []string          // what was not taken, and why
}

// maxRooms is how many lines an import takes.
const maxRooms = 50000

// exchangeColumns maps the columns of Get-CalendarProcessing that are taken as they
// are, or as a function says.
var exchangeColumns = []struct {
	column, knob string
	convert      func(string) (string, error)
}{
	{"AutomateProcessing", "mode", oneOf(map[string]string{"autoaccept": "automatic", "autoupdate": "none", "none": "none"})},
	{"AllowConflicts", exclusive, opposite},
	{"ProcessExternalMeetingMessages", "external", oneOf(map[string]string{"true": "book", "false": "refuse"})},
	{"AllowRecurringMeetings", "recurring", same},
	{"MaximumConflictInstances", "max-conflicts", same},
	{"ConflictPercentageAllowed", "max-conflict-percent", same},
	{"BookingWindowInDays", "window", same},
	{"EnforceSchedulingHorizon", "beyond-window", oneOf(map[string]string{"true": DeclineSeries, "false": DeclineOccurrences})},
	{"MinimumDurationInMinutes", "min-duration", same},
	{"MaximumDurationInMinutes", "max-duration", same},
	{"ScheduleOnlyDuringWorkHours", "hours-only", same},
	{"WorkingHoursTimeZone", "timezone", same},
	{"ResourceCapacity", "capacity", same},
	{"EnforceCapacity", "enforce-capacity", same},
	{"TentativePendingApproval", "pending", oneOf(map[string]string{"true": Tentative, "false": Free})},
	{"RemovePrivateProperty", "private-bookings", oneOf(map[string]string{"true": Show, "false": Hide})},
	{"EnableResponseDetails", "reasons", same},
	{"OrganizerInfo", "name-holder", oneOf(map[string]string{"true": Visible, "false": Never})},
	{"EnableAutoRelease", "check-in", oneOf(map[string]string{"true": Required, "false": Off})},
	{"PostReservationMaxClaimTimeInMinutes", "closes", same},
}

// exchangeLists are the lists of people, with the switch that makes one everybody.
var exchangeLists = []struct{ column, all, knob string }{
	{"BookInPolicy", "AllBookInPolicy", "book"},
	{"RequestInPolicy", "AllRequestInPolicy", "request"},
	{"RequestOutOfPolicy", "AllRequestOutOfPolicy", "request-out"},
	{"ResourceDelegates", "", "approvers"},
}

func same(s string) (string, error) { return s, nil }

func opposite(s string) (string, error) {
	b, err := parseBool(s)
	return fmt.Sprint(!b), err
}

func oneOf(words map[string]string) func(string) (string, error) {
	return func(s string) (string, error) {
		v, ok := words[strings.ToLower(s)]
		if !ok {
			return "", fmt.Errorf("%w: %q", ErrValue, s)
		}
		return v, nil
	}
}

// ParseExchange reads what Get-CalendarProcessing | Export-Csv writes: one line for
// each room, columns by their names, in any order. A column that is missing says
// nothing. What cannot be taken over is a note of the room. Errors: the file is no
// such table.
func ParseExchange(r io.Reader) ([]Imported, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(data, []byte("#TYPE")) { // Export-Csv without -NoTypeInformation
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	c := csv.NewReader(bytes.NewReader(data))
	head, err := c.Read()
	if err != nil {
		return nil, fmt.Errorf("no table: %w", err)
	}
	if !slices.Contains(head, "Identity") || !slices.Contains(head, "AutomateProcessing") {
		return nil, errors.New("the first line does not name the columns Identity and AutomateProcessing; write the file with Get-CalendarProcessing | Export-Csv")
	}
	return importRows(c, func(row []string) Imported {
		cells := map[string]string{}
		for i, name := range head {
			cells[name] = strings.TrimSpace(row[i])
		}
		return importRow(cells)
	})
}

// importRows makes something of each line that is left of a table. Errors: those of
// reading; more than maxRooms.
func importRows(c *csv.Reader, one func(row []string) Imported) (all []Imported, err error) {
	for {
		row, err := c.Read()
		switch {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		case len(all) == maxRooms:
			return nil, fmt.Errorf("more than %d rooms", maxRooms)
		}
		all = append(all, one(row))
	}
}

func importRow(cells map[string]string) Imported {
	m := Imported{Identity: cells["Identity"], Values: map[string]string{}}
	for _, col := range exchangeColumns {
		if s := cells[col.column]; s != "" {
			v, err := col.convert(s)
			m.set(col.column, col.knob, v, err)
		}
	}
	for _, l := range exchangeLists {
		m.people(cells, l.column, l.all, l.knob)
	}
	m.shown(cells)
	if b, _ := parseBool(cells["ForwardRequestsToDelegates"]); cells["ForwardRequestsToDelegates"] != "" && !b {
		m.note("ForwardRequestsToDelegates", "requests are always shown to the approvers")
	}
	return m
}

func (m *Imported) note(column, text string) { m.Notes = append(m.Notes, column+": "+text) }

// set takes a value that the knob takes.
func (m *Imported) set(column, name, value string, err error) {
	var p Policy
	var k Knob
	if err == nil {
		k, err = Find(name)
	}
	if err == nil {
		err = k.Set(&p, value)
	}
	if err != nil {
		m.note(column, err.Error())
		return
	}
	m.Values[name] = k.Get(&p)
}

// people reads a list. Exchange has people by their legacy names, of which only those
// with an address can be found elsewhere; and Export-Csv writes the type of a list in
// place of its members if it was not told otherwise.
func (m *Imported) people(cells map[string]string, column, all, knob string) {
	everybody, _ := parseBool(cells[all])
	var l List
	if all != "" && everybody {
		l = List{Everybody}
	}
	members := cells[column]
	if strings.Contains(members, "System.Collections") || strings.Contains(members, "MultiValuedProperty") {
		m.note(column, "the file has the type of the list and not its members; export it with @{n='"+column+"';e={$_."+column+" -join ';'}}")
		members = ""
	}
	for member := range strings.FieldsFuncSeq(members, func(r rune) bool { return r == ';' || r == '\n' }) {
		member = strings.TrimSpace(member)
		switch {
		case isUUID(member):
			l = append(l, member)
		case strings.Contains(member, "@") && !strings.ContainsAny(member, " /,"):
			l = append(l, "mail:"+strings.ToLower(member))
		case member != "":
			m.note(column, fmt.Sprintf("%q is neither a mail address nor a GUID", member))
		}
	}
	switch {
	case len(l) > 0:
		m.set(column, knob, l.String(), nil)
	case cells[all] != "":
		m.Values[knob] = "" // nobody
	}
}

// shown reads what others see, which Exchange says by what it removes.
func (m *Imported) shown(cells map[string]string) {
	subject, errS := parseBool(cells["DeleteSubject"])
	organizer, errO := parseBool(cells["AddOrganizerToSubject"])
	switch {
	case errS != nil:
	case !subject:
		m.Values["others-see"] = SeeDetails
	case errO == nil && organizer:
		m.Values["others-see"] = SeeOrganizer
	default:
		m.Values["others-see"] = SeeBusy
	}
	for _, column := range []string{"DeleteComments", "DeleteAttachments"} {
		if b, _ := parseBool(cells[column]); b {
			m.note(column, "bookings are hidden when they are read and stay whole; set strip to remove it")
		}
	}
	if on, _ := parseBool(cells["AddAdditionalResponse"]); on && cells["AdditionalResponse"] != "" {
		m.set("AdditionalResponse", "response-text", cells["AdditionalResponse"], nil)
	}
}
