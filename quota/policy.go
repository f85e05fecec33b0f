package quota

import (
	"cmp"
	"slices"
	"strings"
)

// Unlimited is the override of a home that may hold any number of bytes.
const Unlimited = -1

// A Policy is all that is configured about how much may be stored. It never
// changes; a reload of the configuration makes another.
type Policy struct {
	Default Limits            // 0: no limit
	Types   map[uint8]Limits  // by Owner.Type; 0: as Default
	Groups  map[string]Limits // by a group's name in the configuration; 0: as without the group

	// GroupIDs has the name that the configuration gives a group, by the
	// group's GUID. Incomplete says that the directory has not yet said who all
	// of them are.
	GroupIDs   map[string]string
	Incomplete bool

	Store Store
}

// Store bounds everything together.
type Store struct {
	MaxBytes int64 // of all homes, as they are counted against their quotas; 0: no limit
	Reserve  int64 // bytes of the disk to be left free; 0: none
}

// An Owner is what is known of whom a home belongs to.
type Owner struct {
	Override int64  // bytes; 0: none, Unlimited
	Type     uint8  // the type of the record
	Groups   string // as Policy.GroupsOf gives them
}

// GroupsOf returns which of the groups that have limits somebody is in, by
// their configured names, sorted, one a line. ids are the GUIDs of all groups
// that they are in. It reports false if that cannot be told now.
func (p *Policy) GroupsOf(ids []string) (groups string, ok bool) {
	if p.Incomplete {
		return "", false
	}
	var names []string
	for _, id := range ids {
		if name, ok := p.GroupIDs[id]; ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), "\n"), true
}

// Limits returns what counts for the home of o.
func (p *Policy) Limits(o Owner) Limits {
	limits, _ := p.resolve(o)
	return limits
}

// Source says where the limit of bytes of o's home comes from: "own",
// "group NAME", "type" or "default".
func (p *Policy) Source(o Owner) string {
	_, source := p.resolve(o)
	return source
}

func (p *Policy) resolve(o Owner) (limits Limits, source string) {
	byType, source := p.Types[o.Type], "default"
	limits = orElse(byType, p.Default)
	if byType.Bytes != 0 {
		source = "type"
	}
	var byGroup Limits
	for name := range strings.SplitSeq(o.Groups, "\n") {
		of := p.Groups[name]
		if of.Bytes > byGroup.Bytes {
			source = "group " + name
		}
		byGroup = larger(byGroup, of)
	}
	limits = orElse(byGroup, limits)
	switch {
	case o.Override < 0:
		limits.Bytes, source = 0, "own"
	case o.Override > 0:
		limits.Bytes, source = o.Override, "own"
	}
	return limits, source
}

// MaxObjectBytes returns the size in bytes of the largest object that anybody
// may store, 0 if somebody has no limit: what a request is read up to before it
// is known whose home it is for.
func (p *Policy) MaxObjectBytes() int64 {
	if p.Default.ObjectBytes == 0 {
		return 0
	}
	most := p.Default
	for _, l := range p.Types {
		most = larger(most, l)
	}
	for _, l := range p.Groups {
		most = larger(most, l)
	}
	return most.ObjectBytes
}

// combine makes limits of two, one by one.
func combine(a, b Limits, fn func(a, b int64) int64) Limits {
	return Limits{
		Bytes:             fn(a.Bytes, b.Bytes),
		Objects:           fn(a.Objects, b.Objects),
		CollectionObjects: fn(a.CollectionObjects, b.CollectionObjects),
		Collections:       fn(a.Collections, b.Collections),
		ObjectBytes:       fn(a.ObjectBytes, b.ObjectBytes),
		Attendees:         fn(a.Attendees, b.Attendees),
		Attachments:       fn(a.Attachments, b.Attachments),
	}
}

// orElse is a, with b where a names none.
func orElse(a, b Limits) Limits { return combine(a, b, func(a, b int64) int64 { return cmp.Or(a, b) }) }

// larger is the larger of each; 0 names none.
func larger(a, b Limits) Limits { return combine(a, b, func(a, b int64) int64 { return max(a, b) }) }
