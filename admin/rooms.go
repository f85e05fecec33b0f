package admin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"time"

	"convene/audit"
	"convene/directory"
	"convene/rooms"
	"convene/rooms/policy"
)

// ErrNoRoom says that a record is neither a room nor a resource.
var ErrNoRoom = errors.New("neither a room nor a resource")

// Room is a room or resource in a list.
type Room struct {
	Name     string `json:"name"`
	FullName string `json:"fullName"`
	GUID     string `json:"guid"`
	Type     string `json:"type"` // "locations", "resources", or "groups" of a pool
	Mode     string `json:"mode"`
	Capacity int    `json:"capacity"`
	Building string `json:"building"`
	Floor    string `json:"floor"`
	Bookable bool   `json:"bookable"`
	Local    int    `json:"local"` // how many settings were made by command
	Bad      int    `json:"bad"`   // how many settings cannot be used
}

// RoomSetting is the value of a setting, and where it is from.
type RoomSetting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
	Error  string `json:"error,omitempty"` // why it does not count
}

// RoomSettings are all settings of a room.
type RoomSettings struct {
	Name     string        `json:"name"`
	GUID     string        `json:"guid"`
	Settings []RoomSetting `json:"settings"`
	Bad      []RoomSetting `json:"bad"` // values that do not count
}

// RoomRequest names a room, and what is to be set of it.
type RoomRequest struct {
	Who   string            `json:"who"`
	Set   map[string]string `json:"set,omitempty"`
	Unset []string          `json:"unset,omitempty"`

	// Grandfather lets bookings stand that are more at one time than the room would have
	// slots then.
	Grandfather bool `json:"grandfather,omitempty"`

	By     string `json:"by"` // who they say they are
	Reason string `json:"reason,omitempty"`
}

// RoomImport is what Exchange exported of its rooms.
type RoomImport struct {
	Lines  []policy.Imported `json:"lines"`
	DryRun bool              `json:"dryRun,omitempty"`
	By     string            `json:"by"` // who they say they are
	Reason string            `json:"reason,omitempty"`
}

// RoomImported is what became of one line of it.
type RoomImported struct {
	Identity string            `json:"identity"` // as Exchange has it
	Name     string            `json:"name"`     // of the room it was taken for; empty if there is none
	Values   map[string]string `json:"values"`
	Notes    []string          `json:"notes"` // what was not taken, and why
}

// RoomProblem is something about a room that does not do what somebody meant.
type RoomProblem struct {
	Room    string `json:"room"`
	Setting string `json:"setting"`
	Problem string `json:"problem"`
}

// ListRooms lists the rooms and resources of the directory. Errors: those of the
// directory.
func ListRooms(ctx context.Context, c Conn) ([]Room, error) {
	return call[[]Room](ctx, c, "room-list", None{})
}

// ShowRoom returns the settings of a room. Errors: those of the directory; ErrNoRoom;
// rooms.ErrSettings.
func ShowRoom(ctx context.Context, c Conn, who string) (RoomSettings, error) {
	return call[RoomSettings](ctx, c, "room-show", RoomRequest{Who: who})
}

// ErrOverbooked says that a room is booked more often at one time than it would have slots.
var ErrOverbooked = errors.New("booked more often at one time than it would have slots")

// SetRoom makes and takes back settings of a room, and returns them all. Errors: as
// ShowRoom; policy.ErrValue, ErrOverbooked, and then nothing was changed.
func SetRoom(ctx context.Context, c Conn, r RoomRequest) (RoomSettings, error) {
	return call[RoomSettings](ctx, c, "room-set", r)
}

// ImportRooms makes settings of what Exchange exported. Errors: as SetRoom.
func ImportRooms(ctx context.Context, c Conn, r RoomImport) ([]RoomImported, error) {
	return call[[]RoomImported](ctx, c, "room-import", r)
}

// CheckRooms returns what is wrong with the settings of all rooms and, of a running server,
// what is booked and would be declined now. Errors: as ShowRoom.
func CheckRooms(ctx context.Context, c Conn) ([]RoomProblem, error) {
	return call[[]RoomProblem](ctx, c, "room-check", None{})
}

// rooms returns all rooms and resources with their policies.
func (a *Admin) rooms(ctx context.Context) ([]*directory.Principal, []*policy.Resolved, map[string]map[string]rooms.Value, error) {
	found, err := a.Directory.Search(ctx, directory.Query{Types: []directory.Type{directory.Location, directory.Resource}})
	if err != nil {
		return nil, nil, nil, err
	}
	local, err := a.Rooms.All(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	var resolved []*policy.Resolved
	for _, p := range found {
		resolved = append(resolved, a.RoomRules.Resolve(p, local[p.GUID]))
	}
	return found, resolved, local, nil
}

func (a *Admin) roomList(ctx context.Context, _ None) ([]Room, error) {
	found, resolved, local, err := a.rooms(ctx)
	if err != nil {
		return nil, err
	}
	out := []Room{}
	for i, p := range found {
		o := &resolved[i].Policy
		out = append(out, Room{
			Name: p.Name, FullName: p.FullName, GUID: p.GUID, Type: p.Type.String(), Mode: string(o.Mode), Capacity: o.Capacity,
			Building: o.Place.Building, Floor: o.Place.Floor, Bookable: o.Bookable, Local: len(local[p.GUID]), Bad: len(resolved[i].Bad),
		})
	}
	pools, err := a.pools(ctx, local)
	if err != nil {
		return nil, err
	}
	for _, p := range pools {
		out = append(out, Room{Name: p.Name, FullName: p.FullName, GUID: p.GUID, Type: rooms.KindOf(p.Type).String(), Bookable: true, Local: len(local[p.GUID])})
	}
	return out, nil
}

// pools are the groups that are set to be one.
func (a *Admin) pools(ctx context.Context, local map[string]map[string]rooms.Value) (list []*directory.Principal, err error) {
	groups, err := a.Directory.Search(ctx, directory.Query{Types: []directory.Type{directory.Group}})
	if err != nil {
		return nil, err
	}
	for _, p := range groups {
		if !a.RoomRules.Resolve(p, local[p.GUID]).Policy.Pool {
			continue
		}
		members, err := a.Directory.Members(ctx, p.GUID, directory.Nested)
		if err != nil {
			return nil, err
		}
		booked := func(m *directory.Principal) bool { return rooms.KindOf(m.Type).Booked() }
		if slices.ContainsFunc(members, booked) && !slices.ContainsFunc(members, func(m *directory.Principal) bool { return m.Type == directory.User }) {
			list = append(list, p)
		}
	}
	return list, nil
}

func (a *Admin) findRoom(ctx context.Context, who string) (*directory.Principal, error) {
	p, err := directory.Find(ctx, a.Directory, who)
	if err != nil {
		return nil, err
	}
	if p.Type != directory.Location && p.Type != directory.Resource {
		return nil, fmt.Errorf("%s: %w", p.Name, ErrNoRoom)
	}
	return p, nil
}

// findSettable finds a room, or a group, which may be a pool of rooms.
func (a *Admin) findSettable(ctx context.Context, who string) (*directory.Principal, error) {
	p, err := directory.Find(ctx, a.Directory, who)
	if err != nil || p.Type == directory.Group {
		return p, err
	}
	return a.findRoom(ctx, who)
}

func (a *Admin) roomShow(ctx context.Context, r RoomRequest) (RoomSettings, error) {
	p, err := a.findSettable(ctx, r.Who)
	if err != nil {
		return RoomSettings{}, err
	}
	return a.settingsOf(ctx, p)
}

func (a *Admin) settingsOf(ctx context.Context, p *directory.Principal) (RoomSettings, error) {
	local, err := a.Rooms.Get(ctx, p.GUID)
	if err != nil {
		return RoomSettings{}, err
	}
	resolved := a.RoomRules.Resolve(p, local)
	out := RoomSettings{Name: p.Name, GUID: p.GUID, Settings: []RoomSetting{}, Bad: []RoomSetting{}}
	for _, s := range resolved.Settings {
		source := s.Source
		if v, ok := local[s.Name]; ok && source == "local" {
			source = fmt.Sprintf("local, %s by %s", v.Changed, v.By)
		}
		out.Settings = append(out.Settings, RoomSetting{Name: s.Name, Value: s.Value, Source: source})
	}
	for _, b := range resolved.Bad {
		out.Bad = append(out.Bad, RoomSetting{b.Name, b.Value, b.Source, b.Err.Error()})
	}
	return out, nil
}

func (a *Admin) roomSet(ctx context.Context, r RoomRequest) (RoomSettings, error) {
	p, err := a.findSettable(ctx, r.Who)
	if err != nil {
		return RoomSettings{}, err
	}
	if err := policy.CheckKind(rooms.KindOf(p.Type), slices.Sorted(maps.Keys(r.Set))...); err != nil {
		return RoomSettings{}, err
	}
	if !r.Grandfather && p.Type != directory.Group {
		if err := a.refuseOverbooked(ctx, p, r.Set, r.Unset); err != nil {
			return RoomSettings{}, err
		}
	}
	if err := a.changeRoom(ctx, p, r.Set, r.Unset, a.Operator.By(r.By, r.Reason), r.By); err != nil {
		return RoomSettings{}, err
	}
	return a.settingsOf(ctx, p)
}

// changeRoom makes settings, and records them in the audit log.
func (a *Admin) changeRoom(ctx context.Context, p *directory.Principal, set map[string]string, unset []string, by audit.By, says string) error {
	before, err := a.Rooms.Get(ctx, p.GUID)
	if err != nil {
		return err
	}
	act := audit.Act{By: by, Verb: "room.set", Object: audit.Object{Type: "room", GUID: p.GUID, Name: p.Name}, Before: plain(before)}
	return a.Audit.Do(ctx, act, func() (any, error) {
		_, after, err := a.Rooms.Set(ctx, p.GUID, set, unset, says)
		return plain(after), err
	})
}

// refuseOverbooked refuses settings by which more of what is booked from now on would share
// a time than may. What is booked while it looks is found by a check alone.
func (a *Admin) refuseOverbooked(ctx context.Context, p *directory.Principal, set map[string]string, unset []string) error {
	local, err := a.Rooms.Get(ctx, p.GUID)
	if err != nil {
		return err
	}
	was := &a.RoomRules.Resolve(p, local).Policy
	for name, value := range set {
		local[name] = rooms.Value{Value: value}
	}
	for _, name := range unset {
		delete(local, name)
	}
	will := &a.RoomRules.Resolve(p, local).Policy
	if !will.HoldsLess(was) {
		return nil
	}
	taken, err := a.RoomTimes(ctx, p.GUID, was, a.Rooms.Now().Unix(), math.MaxInt64)
	if err != nil {
		return fmt.Errorf("bookings of %s: %w", p.Name, err)
	}
	over := will.Overbooked(taken)
	if len(over) <= len(was.Overbooked(taken)) {
		return nil
	}
	at := time.Unix(over[0].Start, 0).UTC().Format(time.RFC3339)
	return fmt.Errorf("%s: %d bookings, the first on %s: %w", p.Name, len(over), at, ErrOverbooked)
}

func plain(values map[string]rooms.Value) map[string]string {
	out := map[string]string{}
	for name, v := range values {
		out[name] = v.Value
	}
	return out
}

func (a *Admin) roomImport(ctx context.Context, r RoomImport) ([]RoomImported, error) {
	out := []RoomImported{}
	for _, line := range r.Lines {
		one := RoomImported{Identity: line.Identity, Values: line.Values, Notes: append([]string{}, line.Notes...)}
		p, err := a.importedRoom(ctx, line.Identity)
		switch {
		case errors.Is(err, directory.ErrNotFound), errors.Is(err, directory.ErrAmbiguous), errors.Is(err, ErrNoRoom):
			one.Notes = append(one.Notes, err.Error())
		case err != nil:
			return nil, err
		default:
			one.Name = p.Name
			err = a.importSettings(ctx, p, &one, &r)
		}
		if one.Name != "" && err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// importSettings makes the settings of one line, but for those that what is booked stands
// against.
func (a *Admin) importSettings(ctx context.Context, p *directory.Principal, one *RoomImported, r *RoomImport) error {
	err := a.refuseOverbooked(ctx, p, one.Values, nil)
	if errors.Is(err, ErrOverbooked) {
		one.Values, one.Notes = map[string]string{}, append(one.Notes, err.Error())
		return nil
	}
	if err != nil || r.DryRun {
		return err
	}
	return a.changeRoom(ctx, p, one.Values, nil, a.Operator.By(r.By, r.Reason), r.By)
}

// importedRoom finds the room that Exchange calls corp/Rooms/Neptune: by that, or by
// the last part as its short or its full name.
func (a *Admin) importedRoom(ctx context.Context, identity string) (*directory.Principal, error) {
	last := path.Base(identity)
	p, err := a.findRoom(ctx, last)
	if !errors.Is(err, directory.ErrNotFound) && !errors.Is(err, ErrNoRoom) {
		return p, err
	}
	found, err := a.Directory.Search(ctx, directory.Query{
		Types: []directory.Type{directory.Location, directory.Resource}, Limit: 2,
		Terms: []directory.Term{{Fields: []directory.Field{directory.FieldFullName}, Value: last, How: directory.Equals}},
	})
	switch {
	case len(found) > 1 || errors.Is(err, directory.ErrTooMany):
		return nil, fmt.Errorf("%q: %w", last, directory.ErrAmbiguous)
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, fmt.Errorf("%q: %w", last, directory.ErrNotFound)
	}
	return found[0], nil
}

// checkPools finds the groups that somebody has set to be pools by command, and that are
// none.
func (a *Admin) checkPools(ctx context.Context, local map[string]map[string]rooms.Value) (out []RoomProblem, err error) {
	pools, err := a.pools(ctx, local)
	if err != nil {
		return nil, err
	}
	for _, guid := range slices.Sorted(maps.Keys(local)) {
		if _, set := local[guid]["pool"]; !set || slices.ContainsFunc(pools, func(p *directory.Principal) bool { return p.GUID == guid }) {
			continue
		}
		p, err := a.Directory.Lookup(ctx, directory.Key{By: directory.GUID, Value: guid})
		switch {
		case errors.Is(err, directory.ErrNotFound):
			continue
		case err != nil:
			return nil, err
		case a.RoomRules.Resolve(p, local[guid]).Policy.Pool:
			out = append(out, RoomProblem{p.Name, "pool", "the group has no rooms, or members who are none: it is invited as other groups are"})
		}
	}
	return out, nil
}

func (a *Admin) roomCheck(ctx context.Context, _ None) ([]RoomProblem, error) {
	found, resolved, local, err := a.rooms(ctx)
	if err != nil {
		return nil, err
	}
	out := []RoomProblem{}
	known := map[string]error{} // references that were looked up
	notPools, err := a.checkPools(ctx, local)
	if err != nil {
		return nil, err
	}
	out = append(out, notPools...)
	for i, p := range found {
		add := func(setting, problem string) { out = append(out, RoomProblem{p.Name, setting, problem}) }
		o := &resolved[i].Policy
		for _, b := range resolved[i].Bad {
			add(b.Name, fmt.Sprintf("%s, in %s", b.Err, b.Source))
		}
		for _, ref := range o.References() {
			if err := a.checkReference(ctx, known, ref); errors.Is(err, directory.ErrUnavailable) {
				return nil, err
			} else if err != nil {
				add(ref, err.Error())
			}
		}
		asked := len(o.Request) > 0 || len(o.RequestOut) > 0 || o.External == policy.Request
		if asked && len(o.Approvers) == 0 && len(p.Owners) == 0 && len(p.WriteDelegates) == 0 {
			add("approvers", "bookings need approval, and neither this setting nor the directory names anybody who may give it")
		}
		if o.EnforceCapacity && o.Capacity == 0 {
			add("capacity", "it is enforced, and not known")
		}
		if o.HoursOnly && o.Hours.String() == "" {
			add("hours", "hours-only is set without any, so that the room is always open")
		}
		if len(p.Emails) == 0 {
			add("", "the record has no mail address, by which most clients invite")
		}
		booked, err := a.reviewRoom(ctx, p)
		if err != nil {
			return nil, err
		}
		out = append(out, booked...)
	}
	return out, nil
}

func (a *Admin) checkReference(ctx context.Context, known map[string]error, ref string) error {
	err, seen := known[ref]
	if seen {
		return err
	}
	key, err := rooms.KeyOf(ref)
	if err == nil {
		_, err = a.Directory.Lookup(ctx, key)
	}
	known[ref] = err
	return err
}
