package room

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/audit"
	"convene/directory"
	"convene/panels"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/web/page"
)

// How much a screen in a lobby shows: nobody is there to scroll.
const (
	mostLobbyRooms = 100
	mostLobbyItems = 40 // meetings of a floor
)

type lobbyView struct {
	Title       string
	Clock, Zone string
	Free        []lobbyRoom
	Floors      []lobbyFloor
	Unknown     string // the rooms of which it cannot be said when they are taken
	More        bool
}

// A lobbyRoom is free now.
type lobbyRoom struct {
	Name, Place, State, Until string
	Seats                     int
}

// A lobbyFloor is where meetings are today: a floor, where the screen shows several.
type lobbyFloor struct {
	Title string
	Items []lobbyItem
	Rest  int // how many more there are
}

type lobbyItem struct {
	Time, Room, Text string
	Now              bool
	start            int64
}

// lobby shows the rooms of a place in a lobby.
func lobby(r *page.Request) (*page.Answer, error) {
	one, _, err := panelOf(r)
	if errors.Is(err, panels.ErrUnknown) || err == nil && one.Place == nil {
		return &page.Answer{Location: "/panel/"}, nil
	}
	if err != nil {
		return nil, err
	}
	v, err := lobbyOf(r, one.Place)
	if err != nil {
		return nil, err
	}
	a := r.Show("room/lobby", "room.lobby", v)
	a.Title, a.Scripts, a.Secret = v.Title, []string{"panel.js"}, true
	return a, nil
}

// lobbyOf is what the screen of a place shows: what is on and what comes, until midnight on
// the clock of its first room.
func lobbyOf(r *page.Request, place *panels.Place) (*lobbyView, error) {
	list, err := roomsOf(r, place)
	if err != nil {
		return nil, err
	}
	v := &lobbyView{Title: placeName(r, place)}
	if len(list) > mostLobbyRooms {
		list, v.More = list[:mostLobbyRooms], true
	}
	for _, k := range list {
		if inZone(r, k.Policy) {
			break
		}
	}
	v.Clock, v.Zone = r.Locale.Clock(r.Local(r.Time)), r.Zone.String()
	c := clockOf(r)
	all, err := r.Site.Calendars.LobbyView(r.Context(), list, policy.Span{Start: r.Time.Unix(), End: c.at(c.today(r.Time).AddDate(0, 0, 1), 0)})
	if err != nil {
		return nil, err
	}
	var unknown []string
	for _, seen := range all {
		if seen.Unknown {
			unknown = append(unknown, seen.Record.FullName)
			continue
		}
		v.add(r, place, seen)
	}
	v.Unknown = strings.Join(unknown, ", ")
	v.finish(r)
	return v, nil
}

// add adds a room to those that are free, and what takes it to its floor.
func (v *lobbyView) add(r *page.Request, place *panels.Place, seen *rooms.View) {
	where := seen.Policy.Place
	if place.Building != "" {
		where.Building = ""
	}
	if place.Floor != "" {
		where.Floor = ""
	}
	title, now, next, taken := placeText(r, &where), r.Time.Unix(), int64(0), false
	if n := len(v.Floors); n == 0 || v.Floors[n-1].Title != title {
		v.Floors = append(v.Floors, lobbyFloor{Title: title})
	}
	floor := &v.Floors[len(v.Floors)-1]
	for i := range seen.Dates {
		s := &seen.Dates[i]
		if s.Start <= now {
			taken = true
		} else if next == 0 {
			next = s.Start
		}
		it := panelItemOf(r, s)
		floor.Items = append(floor.Items, lobbyItem{Time: it.Time, Room: seen.Record.FullName, Text: it.Text, Now: s.Start <= now, start: s.Start})
	}
	if taken || !seen.Policy.Bookable {
		return
	}
	free := lobbyRoom{Name: seen.Record.FullName, Place: title, State: "free", Until: r.Locale.T("room.lobby-rest"), Seats: seen.Policy.Capacity}
	if next != 0 {
		free.Until = until(r, next)
		if next-now <= soon {
			free.State = "soon"
		}
	}
	v.Free = append(v.Free, free)
}

// finish puts the meetings of each floor in order, and leaves out floors that have none.
func (v *lobbyView) finish(r *page.Request) {
	several := len(v.Floors) > 1
	v.Floors = slices.DeleteFunc(v.Floors, func(f lobbyFloor) bool { return len(f.Items) == 0 })
	for i := range v.Floors {
		f := &v.Floors[i]
		slices.SortStableFunc(f.Items, func(a, b lobbyItem) int { return cmp.Compare(a.start, b.start) })
		if over := len(f.Items) - mostLobbyItems; over > 0 {
			f.Items, f.Rest = f.Items[:mostLobbyItems], over
		}
		switch {
		case !several:
			f.Title = r.Locale.T("room.today")
		case f.Title == "":
			f.Title = r.Locale.T("room.lobby-other")
		}
	}
}

// roomsOf are the rooms of a place, by building, floor and name; rooms that are on no floor
// come last.
func roomsOf(r *page.Request, place *panels.Place) ([]*rooms.Known, error) {
	all, err := r.Site.Calendars.RoomIndex.All(r.Context())
	if err != nil {
		return nil, err
	}
	want := rooms.Wanted{Types: []directory.Type{directory.Location}, Building: place.Building, Floor: place.Floor}
	var list []*rooms.Known
	for _, k := range all {
		if want.Fits(k) {
			list = append(list, k)
		}
	}
	slices.SortStableFunc(list, func(a, b *rooms.Known) int {
		p, q := &a.Policy.Place, &b.Policy.Place
		return cmp.Or(compareNames(p.Building, q.Building), compareNames(p.Floor, q.Floor))
	})
	return list, nil
}

// compareNames orders the names of buildings or floors: numbers by what they are, then
// words; what has no name comes last.
func compareNames(a, b string) int {
	if a == "" || b == "" {
		return len(b) - len(a)
	}
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	switch {
	case errX == nil && errY == nil:
		return cmp.Compare(x, y)
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

// placeName names a place.
func placeName(r *page.Request, p *panels.Place) string {
	return cmp.Or(placeText(r, &policy.Place{Building: p.Building, Floor: p.Floor}), r.Locale.T("room.lobby-all"))
}

// A screen is a panel in a lobby, for who may remove it.
type screen struct {
	ID, Place, By string
	At            time.Time
}

// A tending says which rooms somebody looks after.
type tending struct {
	r    *page.Request
	runs map[string]bool // by GUID
}

func tendingOf(r *page.Request, list []rooms.View) *tending {
	t := &tending{r, map[string]bool{}}
	for i := range list {
		if list[i].Runs {
			t.runs[list[i].Record.GUID] = true
		}
	}
	return t
}

// of reports whether all, and whether any of the rooms of a place are theirs. Of a place
// that has no rooms any more, and so shows none, any are theirs who look after some room:
// somebody has to clear it away.
func (t *tending) of(place *panels.Place) (all, some bool, err error) {
	list, err := roomsOf(t.r, place)
	if err != nil || len(list) == 0 {
		return false, len(t.runs) > 0, err
	}
	theirs := func(k *rooms.Known) bool { return t.runs[k.Record.GUID] }
	some = slices.ContainsFunc(list, theirs)
	return !slices.ContainsFunc(list, func(k *rooms.Known) bool { return !theirs(k) }), some, nil
}

// places are those that they may have shown in a lobby.
func (t *tending) places() (list []option, err error) {
	if len(t.runs) == 0 {
		return nil, nil
	}
	all, err := roomsOf(t.r, &panels.Place{})
	if err != nil {
		return nil, err
	}
	built := slices.ContainsFunc(all, func(k *rooms.Known) bool { return k.Policy.Place.Building != "" })
	seen, others := map[panels.Place]bool{}, map[panels.Place]bool{} // others: somebody else's room is there
	var order []panels.Place
	for _, k := range all {
		p := &k.Policy.Place
		of := []panels.Place{{}}
		if p.Building != "" {
			of = append(of, panels.Place{Building: p.Building})
		}
		if p.Floor != "" && (p.Building != "" || !built) {
			of = append(of, panels.Place{Building: p.Building, Floor: p.Floor})
		}
		for _, place := range of {
			key := panels.Place{Building: strings.ToLower(place.Building), Floor: strings.ToLower(place.Floor)}
			if !seen[key] {
				seen[key] = true
				order = append(order, place)
			}
			others[key] = others[key] || !t.runs[k.Record.GUID]
		}
	}
	for i := range order {
		place := &order[i]
		if !others[panels.Place{Building: strings.ToLower(place.Building), Floor: strings.ToLower(place.Floor)}] {
			list = append(list, option{Value: url.Values{"building": {place.Building}, "floor": {place.Floor}}.Encode(), Text: placeName(t.r, place)})
		}
	}
	return list, nil
}

// screens are those that they may remove.
func (t *tending) screens() (list []screen, err error) {
	if len(t.runs) == 0 {
		return nil, nil
	}
	all, err := t.r.Panels.Lobbies(t.r.Context())
	for i := range all {
		_, some, err := t.of(all[i].Place)
		if err != nil {
			return nil, err
		}
		if some {
			list = append(list, screen{ID: all[i].ID, Place: placeName(t.r, all[i].Place), By: all[i].By, At: all[i].At})
		}
	}
	return list, err
}

// tends is which rooms the caller looks after.
func tends(r *page.Request) (*tending, error) {
	list, err := r.Site.Calendars.TendedRooms(r.Context(), r.Caller)
	if err != nil {
		return nil, failed(err)
	}
	return tendingOf(r, list), nil
}

// pairLobby confirms that a screen shows the rooms of a place: who looks after all of them
// may do that.
func pairLobby(r *page.Request) (*page.Answer, error) {
	v, err := url.ParseQuery(r.PostFormValue("place"))
	if err != nil {
		return nil, page.Fail(http.StatusBadRequest, "")
	}
	place := &panels.Place{Building: v.Get("building"), Floor: v.Get("floor")}
	t, err := tends(r)
	if err != nil {
		return nil, err
	}
	all, _, err := t.of(place)
	if err != nil {
		return nil, failed(err)
	}
	if !all {
		return nil, page.Fail(http.StatusForbidden, "room.lobby-not-yours")
	}
	if err := confirm(r, panels.Shown{Place: place}, placeObject(place)); err != nil {
		return nil, err
	}
	return r.Go("/my/rooms/manage", "room.lobby-paired", "place", placeName(r, place)), nil
}

// unpairLobby ends a screen: who looks after one of the rooms that it shows may do that.
func unpairLobby(r *page.Request) (*page.Answer, error) {
	id := r.PathValue("id")
	t, err := tends(r)
	if err != nil {
		return nil, err
	}
	list, err := r.Panels.Lobbies(r.Context())
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(p panels.Panel) bool { return p.ID == id })
	if i < 0 {
		return nil, page.NotFound()
	}
	_, some, err := t.of(list[i].Place)
	if err != nil {
		return nil, failed(err)
	}
	if !some {
		return nil, page.Fail(http.StatusForbidden, "room.not-theirs")
	}
	act := audit.Act{By: r.By(), Verb: "panel.remove", Object: placeObject(list[i].Place), Before: map[string]string{"panel": id}}
	err = r.Audit.Do(r.Context(), act, func() (any, error) { return nil, r.Panels.RemoveLobby(r.Context(), id) })
	if errors.Is(err, panels.ErrUnknown) {
		return nil, page.NotFound()
	}
	if err != nil {
		return nil, err
	}
	return r.Go("/my/rooms/manage", "room.lobby-removed"), nil
}

// placeObject is a place for the audit log, in no language.
func placeObject(p *panels.Place) audit.Object {
	words := slices.DeleteFunc([]string{p.Building, p.Floor}, func(s string) bool { return s == "" })
	return audit.Object{Type: "place", Name: cmp.Or(strings.Join(words, "/"), "all rooms")}
}
