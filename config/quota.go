package config

import (
	"fmt"
	"maps"
	"slices"

	"convene/directory"
	"convene/internal/settings"
	"convene/quota"
)

// Quota says what may be stored in one home.
type Quota struct {
	QuotaLimits
	Types  map[string]QuotaLimits `toml:"types" doc:"The same settings for one type of record: \"users\", \"groups\", \"locations\" or \"resources\", as in [quota.types.locations]. What is left out, or 0, is as in [quota]."`
	Groups map[string]QuotaLimits `toml:"groups" doc:"The same settings for the members of a group, by its short name or GUID, as in [quota.groups.staff]; nested groups count. What is left out, or 0, is as without the group."`
}

// QuotaLimits bounds one home.
type QuotaLimits struct {
	Bytes             settings.Size `toml:"bytes" doc:"All that is stored: calendar data, files, and properties with their names. \"0\": without limit."`
	Objects           int64         `toml:"objects" doc:"Objects in all collections. 0: without limit."`
	CollectionObjects int64         `toml:"max-resources" doc:"Objects in one collection. 0: without limit."`
	Collections       int64         `toml:"max-collections" doc:"Calendars and other collections; those that every home has count as one. 0: without limit."`
	ObjectSize        settings.Size `toml:"max-resource-size" doc:"Largest calendar object resource or file (CALDAV:max-resource-size). It is at most limits.max-body-size."`
	Attendees         int64         `toml:"max-attendees-per-instance" doc:"Attendees of one object (CALDAV:max-attendees-per-instance). 0: without limit. Meetings have at most 5,000 whatever this says."`
	Attachments       int64         `toml:"max-attachments-per-instance" doc:"Attachments of one object: links, and data that stand in it. 0: without limit."`
}

// limits returns l as the store knows it.
func (l *QuotaLimits) limits() quota.Limits {
	return quota.Limits{
		Bytes: int64(l.Bytes), Objects: l.Objects, CollectionObjects: l.CollectionObjects,
		Collections: l.Collections, ObjectBytes: int64(l.ObjectSize), Attendees: l.Attendees,
		Attachments: l.Attachments,
	}
}

// QuotaPolicy returns what may be stored, but for who the groups are: that the
// directory says.
func (c *Config) QuotaPolicy() *quota.Policy {
	p := &quota.Policy{
		Default: c.Quota.limits(),
		Types:   map[uint8]quota.Limits{},
		Groups:  map[string]quota.Limits{},
		Store:   quota.Store{MaxBytes: int64(c.Storage.MaxSize), Reserve: int64(c.Storage.Reserve)},
	}
	for name, l := range c.Quota.Types {
		if typ, ok := directory.ParseType(name); ok {
			p.Types[uint8(typ)] = l.limits()
		}
	}
	for name, l := range c.Quota.Groups {
		p.Groups[name] = l.limits()
	}
	return p
}

// quota finds limits that make no sense. body is the largest request.
func (k *checker) quota(q *Quota, body settings.Size) {
	k.quotaLimits("quota", &q.QuotaLimits, body)
	if q.ObjectSize == 0 {
		k.fault("quota.max-resource-size", "a size above zero is needed", `such as "10MB"`)
	}
	for _, name := range slices.Sorted(maps.Keys(q.Types)) {
		l := q.Types[name]
		if _, ok := directory.ParseType(name); !ok {
			k.oneOf("quota.types."+name, name, "users", "groups", "locations", "resources")
		}
		k.quotaLimits("quota.types."+name, &l, body)
	}
	for _, name := range slices.Sorted(maps.Keys(q.Groups)) {
		l := q.Groups[name]
		k.quotaLimits("quota.groups."+name, &l, body)
	}
}

func (k *checker) quotaLimits(table string, l *QuotaLimits, body settings.Size) {
	for _, n := range []struct {
		key   string
		value int64
	}{
		{"objects", l.Objects}, {"max-resources", l.CollectionObjects}, {"max-collections", l.Collections}, {"max-attendees-per-instance", l.Attendees},
		{"max-attachments-per-instance", l.Attachments},
	} {
		if n.value < 0 {
			k.fault(table+"."+n.key, fmt.Sprintf("%d is below zero", n.value), "0 is without limit")
		}
	}
	if l.ObjectSize > body {
		k.fault(table+".max-resource-size", "it is more than limits.max-body-size, so that no object of that size could arrive", "lower it, or raise limits.max-body-size")
	}
}
