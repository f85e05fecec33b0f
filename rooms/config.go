package rooms

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/directory"
	"convene/rooms/policy"
)

// Config is what the configuration says about rooms and resources. The settings are
// the knobs of package policy; values are text.
type Config struct {
	Defaults  map[string]string `toml:"defaults" doc:"Settings of all rooms and resources, each in quotes: window = \"180\". \"convene room show ROOM\" prints all there are, with their values and where each comes from; docs/admin/rooms.md says what they mean."`
	Locations map[string]string `toml:"locations" doc:"The same for rooms alone; these count before those of defaults."`
	Resources map[string]string `toml:"resources" doc:"The same for resources alone."`
	List      string            `toml:"list" doc:"Which rooms people find when they search: \"all\", or those that are \"bookable\" by whoever asks."`
	Gone      string            `toml:"organizer-gone" doc:"What becomes of the bookings to come of organizers who are not in the directory any more: \"keep\", or \"release\" gives the rooms back. \"convene room check\" lists them. Rooms that are not there any more decline in any case."`
	GoneAfter time.Duration     `toml:"gone-after" doc:"How long they must have been away for that: what was removed by mistake can come back meanwhile."`
	Classes   []Class           `toml:"class" doc:"The same for the rooms and resources of one class. Of several that fit, the later ones count. What the directory says of one room counts before all these, and what \"convene room set\" says before that."`
}

// Class is settings for some rooms.
type Class struct {
	Building string            `toml:"building" doc:"Which: those of this building."`
	Feature  string            `toml:"feature" doc:"Which: those that have this feature."`
	Name     string            `toml:"name" doc:"Which: those whose short name fits: \"meet-*\"."`
	Settings map[string]string `toml:"settings" doc:"Their settings."`
}

// A Fault is a mistake in a Config.
type Fault struct {
	Key string // below [rooms]: "defaults.window"
	Err error
}

// The values of Config.List.
const (
	ListAll      = "all"
	ListBookable = "bookable"
)

// The values of Config.Gone.
const (
	KeepBookings    = "keep"
	ReleaseBookings = "release"
)

// DefaultConfig is what counts if the file says nothing.
func DefaultConfig() Config {
	return Config{List: ListAll, Gone: KeepBookings, GoneAfter: 30 * 24 * time.Hour}
}

// Lists reports whether people who may do this with a room find it.
func (c *Config) Lists(may policy.Permission) bool {
	return c.List != ListBookable || may != policy.MayNot
}

// sets reports whether the configuration says something about a setting of records of any
// type.
func (c *Config) sets(name string) bool {
	_, has := c.Defaults[name]
	return has || slices.ContainsFunc(c.Classes, func(class Class) bool { _, has := class.Settings[name]; return has })
}

// Check returns the mistakes.
func (c *Config) Check() (faults []Fault) {
	if c.List != "" && c.List != ListAll && c.List != ListBookable {
		faults = append(faults, Fault{"list", fmt.Errorf("%q is neither %q nor %q", c.List, ListAll, ListBookable)})
	}
	if c.Gone != "" && c.Gone != KeepBookings && c.Gone != ReleaseBookings {
		faults = append(faults, Fault{"organizer-gone", fmt.Errorf("%q is neither %q nor %q", c.Gone, KeepBookings, ReleaseBookings)})
	}
	if c.GoneAfter < 0 {
		faults = append(faults, Fault{"gone-after", errors.New("a time is needed that is not below zero")})
	}
	table := func(key string, values map[string]string) {
		for _, bad := range (policy.Layer{Values: values}).Check() {
			faults = append(faults, Fault{key + "." + bad.Name, bad.Err})
		}
	}
	table("defaults", c.Defaults)
	table("locations", c.Locations)
	table("resources", c.Resources)
	for i, class := range c.Classes {
		key := "class"
		switch _, err := path.Match(class.Name, ""); {
		case err != nil:
			faults = append(faults, Fault{key + ".name", fmt.Errorf("%q: %w", class.Name, err)})
		case class.Building == "" && class.Feature == "" && class.Name == "":
			faults = append(faults, Fault{key, fmt.Errorf("the %d. does not say which rooms it is for", i+1)})
		}
		table(key+".settings", class.Settings)
	}
	return faults
}

// CheckName refuses what is no setting of rooms. The error is a policy.ErrValue.
func CheckName(setting string) error {
	_, err := policy.Find(setting)
	return err
}

// KindOf returns what a record is to package policy.
func KindOf(t directory.Type) policy.Kind {
	switch t {
	case directory.Location:
		return policy.Location
	case directory.Resource:
		return policy.Resource
	case directory.Group:
		return policy.Group
	}
	return policy.Person
}

// Resolve returns the policy of a room or resource. local is what Settings have of it.
func (c *Config) Resolve(p *directory.Principal, local map[string]Value) *policy.Resolved {
	l := policy.Layers{
		Site:      policy.Layer{Source: "rooms.defaults", Values: c.Defaults},
		Directory: fromDirectory(p),
		Local:     policy.Layer{Source: "local", Values: map[string]string{}},
	}
	kind := KindOf(p.Type)
	switch kind {
	case policy.Location:
		l.Kind = policy.Layer{Source: "rooms.locations", Values: c.Locations}
	case policy.Resource:
		l.Kind = policy.Layer{Source: "rooms.resources", Values: c.Resources}
	}
	for i, class := range c.Classes {
		layer := policy.Layer{Source: fmt.Sprintf("rooms.class %d", i+1), Values: class.Settings}
		l.Classes = append(l.Classes, policy.Class{Building: class.Building, Feature: class.Feature, Name: class.Name, Layer: layer})
	}
	for name, v := range local {
		l.Local.Values[name] = v.Value
	}
	return policy.Resolve(kind, p.Name, l)
}

// fromDirectory returns what a record says of its own settings.
func fromDirectory(p *directory.Principal) policy.Layer {
	values := map[string]string{}
	set := func(name, value string) {
		if value != "" {
			values[name] = value
		}
	}
	if p.Type == directory.Group {
		return policy.Layer{Source: "directory", Values: p.RoomSettings}
	}
	set("mode", p.AutoSchedule)
	set("auto-accept-group", reference(p.AutoAcceptGroup))
	set("building", p.Building)
	set("floor", p.Floor)
	set("room", p.Room)
	set("address", p.Address)
	set("geo", position(p.Geo))
	set("features", strings.Join(p.Features, ", "))
	if p.Capacity > 0 {
		set("capacity", strconv.Itoa(p.Capacity))
	}
	for name, value := range p.RoomSettings {
		set(name, value)
	}
	return policy.Layer{Source: "directory", Values: values}
}

// reference writes what a directory calls somebody, a DN, GUID or mail address, as a
// policy names them. Commas, which separate the names of a list, are escaped.
func reference(s string) string {
	switch {
	case s == "":
		return ""
	case strings.Contains(s, "="):
		return "dn:" + strings.NewReplacer("%", "%25", ",", "%2C", ";", "%3B").Replace(s)
	case strings.Contains(s, "@"):
		return "mail:" + strings.ToLower(strings.TrimPrefix(s, "mailto:"))
	}
	return "guid:" + s
}

// KeyOf returns the key that finds the principal whom a policy names.
func KeyOf(reference string) (directory.Key, error) {
	kind, value, _ := strings.Cut(reference, ":")
	switch kind {
	case "mail":
		return directory.Key{By: directory.Address, Value: value}, nil
	case "dn":
		dn, err := url.PathUnescape(value)
		return directory.Key{By: directory.DN, Value: dn}, err
	}
	ref, err := directory.ParseRef(reference)
	if err != nil {
		return directory.Key{}, err
	}
	return ref.Key(), nil
}

// position takes a geo URI (RFC 5870) for a position as GEO has it.
func position(s string) string {
	rest, ok := strings.CutPrefix(s, "geo:")
	if !ok {
		return s
	}
	rest, _, _ = strings.Cut(rest, ";")
	f := strings.Split(rest, ",")
	if len(f) < 2 {
		return s
	}
	return f[0] + ";" + f[1]
}
