package room

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"convene/audit"
	"convene/caldav"
	"convene/panels"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/web/page"
)

type manageView struct {
	Rooms    []tended
	Requests []asking
	Run      []option // the rooms that the reader may close, and pair panels with
	Places   []option // those whose rooms they may have shown in a lobby
	Screens  []screen // those in lobbies
	Today    string
	Times    []option
}

// A tended room is one that the reader looks after.
type tended struct {
	Name, FullName, Path, Place string
	Blocks                      []booking
	Panels                      []panels.Panel
	Runs                        bool
}

// An asking is a request that waits.
type asking struct {
	ID, Room, Who, Title, Time, Against string
	Dates                               int
	Held                                bool
	Expires                             time.Time
}

// blocksAhead is how far the list of times looks at which rooms are closed.
const blocksAhead = 90 * 24 * time.Hour

// mostTended is of how many rooms details are shown.
const mostTended = 30

func manage(r *page.Request) (*page.Answer, error) {
	list, err := r.Site.Calendars.TendedRooms(r.Context(), r.Caller)
	if err != nil {
		return nil, err
	}
	waiting, err := r.Site.Calendars.RoomRequests(r.Context(), r.Caller)
	if err != nil {
		return nil, err
	}
	v := &manageView{Times: clockTimes(r, "08:00"), Today: clockOf(r).today(r.Time).Format(time.DateOnly)}
	for i := range waiting {
		v.Requests = append(v.Requests, askingOf(r, &waiting[i]))
	}
	for i := range list {
		p := list[i].Record
		if list[i].Runs {
			v.Run = append(v.Run, option{Value: p.Type.String() + "/" + p.Name, Text: p.FullName})
		}
		if i < mostTended {
			t, err := tendedOf(r, &list[i])
			if err != nil {
				return nil, err
			}
			v.Rooms = append(v.Rooms, t)
		}
	}
	t := tendingOf(r, list)
	if v.Places, err = t.places(); err != nil {
		return nil, err
	}
	if v.Screens, err = t.screens(); err != nil {
		return nil, err
	}
	return r.Show("room/manage", "room.manage", v), nil
}

func tendedOf(r *page.Request, k *rooms.View) (tended, error) {
	p := k.Record
	t := tended{Name: p.Type.String() + "/" + p.Name, FullName: p.FullName, Path: "/my/rooms/" + url.PathEscape(p.Name), Place: placeText(r, &k.Policy.Place), Runs: k.Runs}
	if !k.Runs {
		return t, nil
	}
	seen, err := r.Site.Calendars.ViewRoom(r.Context(), r.Caller, p.GUID, policy.Span{Start: r.Time.Unix(), End: r.Time.Add(blocksAhead).Unix()})
	if err != nil {
		return t, err
	}
	for i := range seen.Dates {
		if s := &seen.Dates[i]; s.Block && len(t.Blocks) < 10 {
			b := bookingOf(r, s)
			b.Time = moment(r, s.Span)
			t.Blocks = append(t.Blocks, b)
		}
	}
	t.Panels, err = r.Panels.List(r.Context(), p.GUID)
	return t, err
}

func askingOf(r *page.Request, w *rooms.Waiting) asking {
	a := asking{
		ID: w.ID, Room: w.Room.Record.FullName, Who: w.Name, Title: w.Summary, Time: moment(r, policy.Span{Start: w.Start, End: w.End}), Dates: w.Dates, Held: w.Held, Expires: unix(w.Expires),
	}
	var texts []string
	for _, code := range w.Against {
		texts = append(texts, why(r, policy.Code(code), 0))
	}
	a.Against = strings.Join(texts, ", ")
	return a
}

// answered answers a request.
func answer(r *page.Request) (*page.Answer, error) {
	id, approve := r.PathValue("id"), r.PostFormValue("answer") == "approve"
	if !approve && r.PostFormValue("answer") != "decline" {
		return nil, page.Fail(http.StatusBadRequest, "")
	}
	verb, key := "deny", "room.is-declined"
	if approve {
		verb, key = "approve", "room.is-approved"
	}
	comment := strings.TrimSpace(r.PostFormValue("comment"))
	act := audit.Act{By: r.By(), Verb: "room." + verb, Object: audit.Object{Type: "room-request", Name: id}, Before: map[string]string{"comment": comment}}
	err := r.Audit.Do(r.Context(), act, func() (any, error) {
		return nil, r.Site.Calendars.AnswerRoomRequest(r.Context(), r.Caller, id, approve, comment)
	})
	if err != nil {
		return nil, failed(err)
	}
	return r.Go("/my/rooms/manage", key), nil
}

// request is one request: where the mail that asks leads to. Who may not answer it sees
// none.
func request(r *page.Request) (*page.Answer, error) {
	waiting, err := r.Site.Calendars.RoomRequests(r.Context(), r.Caller)
	if err != nil {
		return nil, err
	}
	for i := range waiting {
		if waiting[i].ID == r.PathValue("id") {
			return r.Show("room/request", "room.request", askingOf(r, &waiting[i])), nil
		}
	}
	return nil, page.Fail(http.StatusNotFound, "room.no-request")
}

// closeRoom closes a room for a time.
func closeRoom(r *page.Request) (*page.Answer, error) {
	room, err := find(r, r.PostFormValue("room"))
	if err != nil {
		return nil, err
	}
	b := caldav.RoomBlock{
		From: r.PostFormValue("date") + "T" + r.PostFormValue("from"), To: r.PostFormValue("date") + "T" + r.PostFormValue("to"),
		Text: strings.TrimSpace(r.PostFormValue("text")), Weekly: r.PostFormValue("weekly") != "", Displace: r.PostFormValue("displace") != "",
	}
	if last := r.PostFormValue("last"); last != "" {
		b.To = last + "T" + r.PostFormValue("to")
	}
	act := audit.Act{By: r.By(), Verb: "room." + "block", Object: object(room), Before: b}
	err = r.Audit.Do(r.Context(), act, func() (any, error) {
		n, err := r.Site.Calendars.CloseRoom(r.Context(), r.Caller, room.GUID, b)
		return map[string]int{"displaced": n}, err
	})
	if err != nil {
		return nil, failed(err)
	}
	return r.Go("/my/rooms/manage", "room.is-closed", "room", room.FullName), nil
}

// openRoom takes that back.
func openRoom(r *page.Request) (*page.Answer, error) {
	uid := r.PostFormValue("uid")
	room, err := find(r, r.PostFormValue("room"))
	if err != nil {
		return nil, err
	}
	act := audit.Act{By: r.By(), Verb: "room." + "unblock", Object: object(room), Before: map[string]string{"uid": uid}}
	err = r.Audit.Do(r.Context(), act, func() (any, error) { return nil, r.Site.Calendars.OpenRoom(r.Context(), r.Caller, room.GUID, uid) })
	if err != nil {
		return nil, failed(err)
	}
	return r.Go("/my/rooms/manage", "room.is-open", "room", room.FullName), nil
}

// pair confirms that a panel shows a room.
func pair(r *page.Request) (*page.Answer, error) {
	room, err := find(r, r.PostFormValue("room"))
	if err != nil {
		return nil, err
	}
	if err := r.Site.Calendars.RunsRoom(r.Context(), r.Caller, room.GUID); err != nil {
		return nil, failed(err)
	}
	if err := confirm(r, panels.Shown{Room: room.GUID}, object(room)); err != nil {
		return nil, err
	}
	return r.Go("/my/rooms/manage", "room.paired", "room", room.FullName), nil
}

// confirm pairs the device whose code a form has.
func confirm(r *page.Request, shows panels.Shown, of audit.Object) error {
	code := strings.Join(strings.Fields(r.PostFormValue("code")), "")
	act := audit.Act{By: r.By(), Verb: "panel.pair", Object: of}
	err := r.Audit.Do(r.Context(), act, func() (any, error) {
		one, err := r.Panels.Confirm(r.Context(), code, shows, panels.Confirmer{GUID: r.Caller.Principal.GUID, Name: r.Caller.Principal.FullName})
		return map[string]string{"panel": one.ID}, err
	})
	switch {
	case errors.Is(err, panels.ErrCode):
		return page.Fail(http.StatusNotFound, "room.no-code")
	case errors.Is(err, panels.ErrGuesses):
		return &page.Error{Status: http.StatusTooManyRequests, Retry: panels.CodeLife}
	}
	return failed(err)
}

// unpair ends a panel.
func unpair(r *page.Request) (*page.Answer, error) {
	id := r.PathValue("id")
	room, err := find(r, r.PostFormValue("room"))
	if err != nil {
		return nil, err
	}
	if err := r.Site.Calendars.RunsRoom(r.Context(), r.Caller, room.GUID); err != nil {
		return nil, failed(err)
	}
	act := audit.Act{By: r.By(), Verb: "panel.remove", Object: object(room), Before: map[string]string{"panel": id}}
	err = r.Audit.Do(r.Context(), act, func() (any, error) { return nil, r.Panels.Remove(r.Context(), room.GUID, id) })
	if errors.Is(err, panels.ErrUnknown) {
		return nil, page.NotFound()
	}
	if err != nil {
		return nil, failed(err)
	}
	return r.Go("/my/rooms/manage", "room.unpaired"), nil
}
