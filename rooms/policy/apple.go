package policy

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// appleRecord is a record of Apple's augments.xml or resources.xml, in the older form,
// whose elements are location and resource, or in the newer one, record.
type appleRecord struct {
	XMLName xml.Name
	Type    string `xml:"type,attr"`
	Repeat  string `xml:"repeat,attr"`

	UID       string `xml:"uid"`
	GUID      string `xml:"guid"`
	ShortName string `xml:"short-name"`
	FullName  string `xml:"full-name"`

	Capacity string `xml:"capacity"`
	Floor    string `xml:"floor"`
	Place    string `xml:"associated-address"`
	Short    string `xml:"abbreviated-name"`
	Street   string `xml:"street-address"`
	Geo      string `xml:"geographic-location"`

	Mode     string    `xml:"auto-schedule-mode"`
	Auto     *string   `xml:"auto-schedule"` // an element without text in accounts
	Group    string    `xml:"auto-accept-group"`
	Enable   string    `xml:"enable"`
	Calendar string    `xml:"enable-calendar"`
	Login    string    `xml:"enable-login"`
	Disabled *struct{} `xml:"disable-calendar"`
}

// appleDefaults are the records of augments.xml that stand for all others of a type, and
// the table for what they say.
var appleDefaults = map[string]string{"default": "rooms.defaults", "location-default": "rooms.locations", "resource-default": "rooms.resources"}

// ParseApple reads augments.xml or resources.xml of Apple's Calendar Server (augments.dtd,
// accounts.dtd): of each room, or each record that says something of interest, what it
// sets. What cannot be taken over is a note. Errors: it is no such file, with the line.
func ParseApple(r io.Reader) ([]Imported, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	records, err := appleRecords(d)
	if err != nil {
		line, _ := d.InputPos()
		if s, ok := errors.AsType[*xml.SyntaxError](err); ok {
			return nil, fmt.Errorf("line %d: %s", s.Line, s.Msg)
		}
		if errors.Is(err, io.EOF) {
			err = errors.New("it ends too early")
		}
		return nil, fmt.Errorf("line %d: %w", line, err)
	}
	places := map[string]*appleRecord{}
	for i, rec := range records {
		if rec.Type == "address" {
			places[strings.ToLower(cmp.Or(rec.UID, rec.GUID))] = &records[i]
		}
	}
	var all []Imported
	for i := range records {
		if m, ok := records[i].imported(places); ok {
			all = append(all, m)
		}
	}
	return all, nil
}

func appleRecords(d *xml.Decoder) (all []appleRecord, err error) {
	root := ""
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) && root == "-" {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.EndElement:
			root = "-"
		case xml.StartElement:
			switch name := t.Name.Local; {
			case root == "" && (name == "augments" || name == "directory" || name == "accounts"):
				root = name
				continue
			case root == "" || root == "-":
				return nil, fmt.Errorf("element %q is none of augments, directory and accounts", name)
			case len(all) == maxRooms:
				return nil, fmt.Errorf("more than %d records", maxRooms)
			}
			var rec appleRecord
			if err := d.DecodeElement(&rec, &t); err != nil {
				return nil, err
			}
			switch {
			case root == "augments":
				rec.Type = "augment"
			case t.Name.Local != "record":
				rec.Type = t.Name.Local // its uid is the short name there
				rec.ShortName, rec.UID = cmp.Or(rec.ShortName, rec.UID), rec.GUID
			default:
				rec.Type = cmp.Or(rec.Type, "user")
			}
			rec.trim()
			all = append(all, rec)
		}
	}
}

func (a *appleRecord) trim() {
	for _, s := range []*string{&a.UID, &a.GUID, &a.ShortName, &a.FullName, &a.Capacity, &a.Floor, &a.Place, &a.Short, &a.Street, &a.Geo,
		&a.Mode, &a.Group, &a.Enable, &a.Calendar, &a.Login} {
		*s = strings.TrimSpace(*s)
	}
}

// imported is what a record sets; false, if it is of a person, a group or an address, or
// says nothing.
func (a *appleRecord) imported(places map[string]*appleRecord) (Imported, bool) {
	m := Imported{Identity: cmp.Or(a.GUID, a.UID, a.ShortName), Values: map[string]string{}}
	switch a.Type {
	case "augment", "location", "resource":
	default:
		return m, false
	}
	if a.Repeat != "" {
		m.note("repeat", "a record that stands for several is not taken")
		return m, true
	}
	a.answers(&m)
	if table, ok := appleDefaults[strings.ToLower(a.UID)]; ok && a.Type == "augment" {
		if len(m.Values) == 0 {
			return m, false
		}
		for _, knob := range []string{"mode", "auto-accept-group"} {
			if v := m.Values[knob]; v != "" {
				m.note(a.UID, fmt.Sprintf("it is for all that have no record of their own: set %s.%s = %q in the configuration", table, knob, v))
			}
		}
		m.Values = nil
		return m, true
	}
	if a.Capacity != "" {
		m.set("capacity", "capacity", a.Capacity, nil)
	}
	if a.Floor != "" {
		m.set("floor", "floor", a.Floor, nil)
	}
	at := *a
	if a.Place != "" {
		if p := places[strings.ToLower(a.Place)]; p != nil {
			at = *p
			at.Short = cmp.Or(p.Short, p.FullName)
		} else {
			m.note("associated-address", fmt.Sprintf("%q is not in this file", a.Place))
		}
	}
	for _, s := range []struct{ column, knob, value string }{
		{"abbreviated-name", "building", at.Short}, {"street-address", "address", at.Street},
		{"geographic-location", "geo", strings.Replace(strings.TrimPrefix(at.Geo, "geo:"), ",", ";", 1)},
	} {
		if s.value != "" {
			m.set(s.column, s.knob, s.value, nil)
		}
	}
	return m, len(m.Values)+len(m.Notes) > 0
}

// answers is how the room answers, and whether it has calendars.
func (a *appleRecord) answers(m *Imported) {
	mode := strings.ToLower(a.Mode)
	if a.Auto != nil {
		switch on, err := parseBool(*a.Auto); {
		case strings.TrimSpace(*a.Auto) == "": // as accounts have it
			mode = cmp.Or(mode, string(ModeAutomatic))
		case err != nil:
			m.note("auto-schedule", err.Error())
		case !on:
			mode = string(ModeNone)
		}
	}
	if mode != "" && mode != "default" {
		m.set("auto-schedule-mode", "mode", mode, nil)
	}
	if a.Group != "" {
		group := a.Group
		if !isReference(group) {
			group = "guid:" + group
		}
		m.set("auto-accept-group", "auto-accept-group", group, nil)
	}
	for _, s := range []struct{ name, value, setting string }{{"enable", a.Enable, "calendar-enabled"}, {"enable-calendar", a.Calendar, "calendar-enabled"}, {"enable-login", a.Login, "login-enabled"}} {
		if on, err := parseBool(s.value); s.value != "" && err == nil && !on {
			m.note(s.name, "the directory says it: "+s.setting)
		}
	}
	if a.Disabled != nil {
		m.note("disable-calendar", "the directory says it: calendar-enabled")
	}
}
