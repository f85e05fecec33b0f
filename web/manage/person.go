package manage

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"convene/admin"
	"convene/audit"
	"convene/auth"
	"convene/caldav"
	"convene/directory"
	"convene/web/page"
)

// personView is all that is known of a record.
type personView struct {
	GUID, Name string
	Head       []line
	Record     []line // as the directory gave it
	Groups     []membership
	Calendars  []string
	Storage    string
	Delegates  []delegateRow
	For        []delegateRow
	Devices    []admin.Device
	NoDevices  bool
	Sessions   []auth.Session
	User       bool
	Commands   []string
}

type line struct{ Label, Value string }

// A membership is a group, and the groups through which somebody is in it, from themselves
// upwards.
type membership struct{ Name, Path string }

// mostGroups is of how many groups the way is found out.
const mostGroups = 60

func person(r *page.Request) (*page.Answer, error) {
	p, err := known(r)
	if err != nil {
		return nil, err
	}
	v := personView{GUID: p.GUID, Name: p.FullName, Head: head(r, p), Record: record(r, p), User: p.Type == directory.User}
	if v.Groups, err = memberships(r, p.GUID); err != nil {
		return nil, err
	}
	list, err := admin.ListDelegates(r.Context(), r.Site.Admin, admin.DelegatesRequest{Who: p.GUID, Ended: true})
	if err != nil {
		return nil, failed(err)
	}
	names := r.Names()
	for _, d := range list.Delegates {
		v.Delegates = append(v.Delegates, delegateRowOf(r, names, d))
	}
	if v.User {
		if list, err = admin.ListDelegates(r.Context(), r.Site.Admin, admin.DelegatesRequest{Who: p.GUID, For: true}); err != nil {
			return nil, failed(err)
		}
		for _, d := range list.Delegates {
			v.For = append(v.For, delegateRowOf(r, names, d))
		}
		if v.Devices, err = admin.Devices(r.Context(), r.Site.Admin, p.GUID); errors.Is(err, admin.ErrNoDevices) {
			v.NoDevices, err = true, nil
		}
		if err != nil {
			return nil, err
		}
		if v.Sessions, err = r.Sessions.List(r.Context(), p.GUID, r.Site.Config.Limits()); err != nil {
			return nil, err
		}
	}
	if p.CalendarEnabled {
		v.Calendars, v.Storage = calendars(r, p)
	}
	who := ref(p)
	v.Commands = []string{command("principal", "why", who), command("quota", "show", who), command("delegate", "list", who, "--ended")}
	if v.User {
		v.Commands = append(v.Commands, command("delegate", "list", who, "--for"), command("devicepw", "list", who))
	}
	a := r.Show("manage/person", "manage.people", v)
	a.Title = p.FullName
	return a, nil
}

func head(r *page.Request, p *directory.Principal) []line {
	t := r.Locale
	yes := func(is bool) string {
		if is {
			return t.T("manage.yes")
		}
		return t.T("manage.no")
	}
	out := []line{
		{t.T("manage.type"), typeText(r, p.Type.String())}, {t.T("manage.login"), p.Name}, {"GUID", p.GUID},
		{t.T("manage.calendars"), yes(p.CalendarEnabled)},
	}
	if p.Type == directory.User {
		out = append(out, line{t.T("manage.signs-in"), yes(p.LoginEnabled)})
	}
	return out
}

// record is what the directory said: the fields that have a value, and the attributes that
// decided who may sign in and has calendars.
func record(r *page.Request, p *directory.Principal) []line {
	var out []line
	add := func(label, value string) {
		if value != "" {
			out = append(out, line{label, value})
		}
	}
	add("DN", p.DN)
	add(r.Locale.T("manage.full-name"), p.FullName)
	add(r.Locale.T("manage.aliases"), strings.Join(p.Aliases, ", "))
	add(r.Locale.T("manage.mail"), strings.Join(p.Emails, ", "))
	add("Kerberos", strings.Join(p.Kerberos, ", "))
	if p.Capacity > 0 {
		add(r.Locale.T("manage.capacity"), strconv.Itoa(p.Capacity))
	}
	add(r.Locale.T("manage.building"), strings.Trim(p.Building+" "+p.Floor+" "+p.Room, " "))
	add(r.Locale.T("manage.features"), strings.Join(p.Features, ", "))
	add(r.Locale.T("manage.owners"), strings.Join(p.Owners, ", "))
	for _, name := range slices.Sorted(maps.Keys(p.Attributes)) {
		add(name, strings.Join(p.Attributes[name], ", "))
	}
	return out
}

// memberships are the groups of a record with the way to each: of several ways, one.
func memberships(r *page.Request, guid string) (out []membership, err error) {
	all, err := r.Site.Directory.Groups(r.Context(), guid)
	if err != nil {
		return nil, err
	}
	above := map[string][]string{} // of each group those that it is in
	for i, g := range all {
		if i == mostGroups {
			break
		}
		if above[g], err = r.Site.Directory.Groups(r.Context(), g); err != nil && !errors.Is(err, directory.ErrNotFound) {
			return nil, err
		}
	}
	names := r.Names()
	for _, g := range all {
		var way []string // the groups between, the nearest to the record first
		for _, other := range all {
			if slices.Contains(above[other], g) && other != g {
				way = append(way, other)
			}
		}
		slices.SortFunc(way, func(a, b string) int { return cmp.Or(len(above[b])-len(above[a]), strings.Compare(a, b)) })
		m := membership{Name: names.Of(g)}
		var steps []string
		for i, w := range way {
			if i == 0 || slices.Contains(above[way[i-1]], w) {
				steps = append(steps, names.Of(w))
			}
		}
		m.Path = strings.Join(steps, " → ")
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b membership) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// calendars are those of a record which the reader may see, and how much it stores. What
// cannot be found out is left out.
func calendars(r *page.Request, p *directory.Principal) (list []string, storage string) {
	a, err := r.Site.Calendars.Agenda(r.Context(), r.Caller, &caldav.AgendaQuery{
		From: r.Time.Unix(), To: r.Time.Unix() + 1, People: []string{p.GUID}, Skip: func(string) bool { return true }, By: r.By(),
	})
	if err != nil {
		r.Log.Warn("calendars are not known", "user", p.Name, "err", err)
	} else {
		for _, c := range a.Calendars {
			list = append(list, c.Path)
		}
	}
	u, err := admin.Quota(r.Context(), r.Site.Admin, p.GUID)
	switch {
	case err != nil:
		r.Log.Warn("how much somebody stores is not known", "user", p.Name, "err", err)
	case u.Limit < 0:
		storage = page.Bytes(u.Used)
	default:
		storage = r.Locale.T("manage.used-of", "used", page.Bytes(u.Used), "limit", page.Bytes(u.Limit), "source", u.Source)
	}
	return list, storage
}

// signOut ends all sessions of somebody.
func signOut(r *page.Request) (*page.Answer, error) {
	p, err := known(r)
	if err != nil {
		return nil, err
	}
	act := audit.Act{By: r.By(), Verb: "session.revoke", Object: audit.Object{Type: "principal", GUID: p.GUID, Name: p.Name}}
	n := 0
	err = r.Audit.Do(r.Context(), act, func() (any, error) {
		n, err = r.Sessions.EndAll(r.Context(), p.GUID)
		return map[string]int{"sessions": n}, err
	})
	if err != nil {
		return nil, failed(err)
	}
	a := r.Go("/admin/principals/"+p.GUID, "")
	a.Toast = &page.Toast{Text: r.Locale.N("manage.signed-out", n)}
	return a, nil
}

// revokeDevices revokes one device password of somebody, or all.
func revokeDevices(r *page.Request) (*page.Answer, error) {
	p, err := known(r)
	if err != nil {
		return nil, err
	}
	done, err := admin.RevokeDevices(r.Context(), r.Administrator(), admin.DeviceRequest{Who: p.GUID, ID: r.PostFormValue("id"), By: r.Caller.Login})
	if err != nil {
		return nil, failed(err)
	}
	a := r.Go("/admin/principals/"+p.GUID, "")
	a.Toast = &page.Toast{Text: r.Locale.N("manage.revoked", done.Revoked)}
	return a, nil
}
