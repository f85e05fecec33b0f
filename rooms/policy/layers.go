package policy

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

// A Layer is some settings from one place. Later layers win.
type Layer struct {
	Source string            // where they are from, for people: "rooms.defaults"
	Values map[string]string // by the name of the knob
}

// A Class is settings for all rooms of some kind: of a building, with a feature, or
// with a name like a pattern. What is empty does not matter; what is given must all
// hold.
type Class struct {
	Building string
	Feature  string
	Name     string // a pattern of path.Match: "meet-*"
	Layer
}

// Layers are the layers of one room, from the lowest.
type Layers struct {
	Site      Layer   // rooms.defaults
	Kind      Layer   // rooms.locations or rooms.resources
	Classes   []Class // all of them; which apply is found out
	Directory Layer
	Local     Layer
}

// A Setting is the value of one knob and where it is from.
type Setting struct {
	Name   string
	Value  string
	Source string // "built-in", or that of a layer
}

// A Bad value is one that a layer has and that was left out.
type Bad struct {
	Setting
	Err error
}

// A Resolved policy says of each of its knobs where it is from.
type Resolved struct {
	Policy   Policy
	Settings []Setting // of all knobs of the kind, in the order of Knobs
	Bad      []Bad     // by layer and name
}

// BuiltIn is the source of defaults.
const BuiltIn = "built-in"

// Resolve puts the layers together. name is the short name of the room. The result
// depends on its arguments only. Values that cannot be read, and knobs that nobody
// knows, are in Bad and otherwise left out.
func Resolve(kind Kind, name string, l Layers) *Resolved {
	r := newResolved(kind)
	r.apply(l.Site)
	r.apply(l.Kind)
	for _, c := range l.matching(kind, name) {
		r.apply(c.Layer)
	}
	r.apply(l.Directory)
	r.apply(l.Local)
	r.settle()
	r.only(kind, l.Directory, l.Local)
	return r
}

// only leaves the settings of a kind. That a layer of one thing has others is a mistake;
// those of many are of all kinds.
func (r *Resolved) only(kind Kind, own ...Layer) {
	for i, k := range knobs() {
		if k.Of(kind) {
			continue
		}
		for _, l := range own {
			if value, has := l.Values[k.Name]; has {
				r.Bad = append(r.Bad, Bad{Setting{k.Name, value, l.Source}, k.notOf(kind)})
			}
		}
		r.Settings[i].Name = ""
	}
	r.Settings = slices.DeleteFunc(r.Settings, func(s Setting) bool { return s.Name == "" })
}

// notOf is the error of a knob that a kind does not have.
func (k *Knob) notOf(kind Kind) error {
	return fmt.Errorf("%w: %s have no setting %q", ErrValue, kind, k.Name)
}

// CheckKind refuses the names of settings that a kind does not have. The error is an
// ErrValue.
func CheckKind(kind Kind, names ...string) error {
	for _, name := range names {
		k, err := Find(name)
		if err == nil && !k.Of(kind) {
			err = k.notOf(kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// matching are the classes that a room is of. What they match on is in the directory
// or set by command.
func (l *Layers) matching(kind Kind, name string) (list []Class) {
	if len(l.Classes) == 0 {
		return nil
	}
	probe := newResolved(kind)
	for _, layer := range []Layer{l.Site, l.Kind, l.Directory, l.Local} {
		probe.apply(layer)
	}
	for _, c := range l.Classes {
		if c.matches(name, &probe.Policy) {
			list = append(list, c)
		}
	}
	return list
}

// matches reports whether a room is of the class. Names and features have no case.
func (c *Class) matches(name string, p *Policy) bool {
	if c.Building != "" && !strings.EqualFold(c.Building, p.Place.Building) {
		return false
	}
	if c.Feature != "" && !p.Place.Features.HasFold(c.Feature) {
		return false
	}
	if c.Name == "" {
		return true
	}
	ok, err := path.Match(strings.ToLower(c.Name), strings.ToLower(name))
	return ok && err == nil
}

// newResolved returns what is built in.
func newResolved(kind Kind) *Resolved {
	r := *builtIn()
	r.Settings = slices.Clone(r.Settings)
	if kind == Person {
		r.apply(Layer{BuiltIn, map[string]string{"mode": string(ModeNone)}})
	}
	return &r
}

// builtIn is the defaults of rooms, read once. Setting a knob replaces a value, and never
// changes it, so that all policies share these.
var builtIn = sync.OnceValue(func() *Resolved {
	r := new(Resolved)
	for _, k := range knobs() {
		if err := k.Set(&r.Policy, k.Default); err != nil {
			panic(err) // a bug of the table, which every test finds
		}
		r.Settings = append(r.Settings, Setting{k.Name, k.Default, BuiltIn})
	}
	return r
})

func (r *Resolved) apply(l Layer) {
	if len(l.Values) == 0 { // as most have
		return
	}
	knobs := knobs()
	for _, name := range slices.Sorted(maps.Keys(l.Values)) {
		s := Setting{name, l.Values[name], l.Source}
		i := slices.IndexFunc(knobs, func(k Knob) bool { return k.Name == name })
		if i < 0 {
			r.Bad = append(r.Bad, Bad{s, fmt.Errorf("%w: there is no setting %q of rooms", ErrValue, name)})
			continue
		}
		if err := knobs[i].Set(&r.Policy, s.Value); err != nil {
			r.Bad = append(r.Bad, Bad{s, err})
			continue
		}
		s.Value = knobs[i].Get(&r.Policy)
		r.Settings[i] = s
	}
}

// settle gives exclusive its default: a room that accepts everything is not, unless
// somebody says so.
func (r *Resolved) settle() {
	i := slices.IndexFunc(knobs(), func(k Knob) bool { return k.Name == exclusive })
	if r.Settings[i].Source == BuiltIn && r.Policy.Mode == ModeAcceptAlways {
		r.Policy.Exclusive = false
		r.Settings[i].Value = "false"
	}
}

// Check returns what is wrong with the values of a layer, by name of the knob. It is
// for layers that people write: their mistakes are refused, not left out.
func (l Layer) Check() []Bad {
	r := newResolved(Location)
	r.apply(l)
	return r.Bad
}

// References returns everything in the policy that names a principal and has to be
// found in the directory before the room is asked.
func (p *Policy) References() []string {
	var refs []string
	for _, l := range []List{p.AutoAccept, p.Book, p.Request, p.RequestOut, p.Deny, p.Approvers} {
		for _, e := range l {
			if e != Everybody && e != Outside {
				refs = append(refs, e)
			}
		}
	}
	slices.Sort(refs)
	return slices.Compact(refs)
}
