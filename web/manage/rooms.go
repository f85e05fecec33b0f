package manage

import (
	"errors"

	"convene/admin"
	"convene/directory"
	"convene/web/page"
)

type roomsView struct {
	Rooms   []admin.Room
	Command string
}

func roomList(r *page.Request) (*page.Answer, error) {
	list, err := admin.ListRooms(r.Context(), r.Site.Admin)
	if err != nil {
		return nil, failed(err)
	}
	return r.Show("manage/rooms", "manage.rooms", roomsView{list, command("room", "list")}), nil
}

type roomView struct {
	admin.RoomSettings
	FullName string
	Command  string
	// The questions of the form, and the answer.
	As, From, Until, Heads string
	Problem                string
	Answer                 *verdict
}

func room(r *page.Request) (*page.Answer, error) {
	p, err := known(r)
	if err != nil {
		return nil, err
	}
	s, err := admin.ShowRoom(r.Context(), r.Site.Admin, p.GUID)
	if err != nil {
		return nil, failed(err)
	}
	q := r.URL.Query()
	v := roomView{RoomSettings: s, FullName: p.FullName, Command: command("room", "show", p.Name), As: q.Get("as"), From: q.Get("from"), Until: q.Get("until"), Heads: q.Get("heads")}
	if v.As != "" && v.From != "" && v.Until != "" {
		who, err := directory.Find(r.Context(), r.Site.Directory, v.As)
		switch {
		case err == nil:
			answer, err := whyRoom(r, who, &whyView{Room: p.Name, From: v.From, Until: v.Until, Heads: v.Heads})
			if err != nil {
				return nil, err
			}
			v.Answer = &answer
		case errors.Is(err, directory.ErrUnavailable):
			return nil, err
		default:
			v.Problem = r.Locale.T("manage.err-unknown")
		}
	}
	a := r.Show("manage/room", "manage.rooms", v)
	a.Title = p.FullName
	return a, nil
}
