package delegates

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"convene/admin"
	"convene/delegation"
	"convene/directory"
	"convene/web/page"
)

// A standInView is a stand-in, in the words of the page.
type standInView struct {
	ID   uint64
	Says string
	Mine bool // the reader named them, and may end it
	Note string
}

func standInShown(r *page.Request, names *page.Names, x admin.StandIn) standInView {
	t := r.Locale
	key := "delegates.standin-says"
	if !x.InForce(r.Time) {
		key = "delegates.standin-will"
	}
	v := standInView{ID: x.ID, Mine: x.Delegate == r.GUID() && r.For == nil, Note: x.Note}
	from := x.From
	if from.IsZero() {
		from = x.CreatedAt
	}
	v.Says = t.T(key, "name", names.Of(x.StandIn.StandIn), "delegate", names.Of(x.Delegate), "from", begin(r, from), "until", end(r, x.Until))
	if len(x.For) > 0 {
		var list []string
		for _, guid := range x.For {
			list = append(list, names.Of(guid))
		}
		v.Says += " " + t.T("delegates.standin-for", "names", strings.Join(list, ", "))
	}
	return v
}

// standInForm is the page on which a delegate names a stand-in: first who, then when.
type standInForm struct {
	Finder            finder
	Who, Name         string
	From, Until, Note string
	For               []choice // by GUID
	Problem           string
}

func standIn(r *page.Request) (*page.Answer, error) {
	v := standInForm{From: firstDay(r, r.Time)}
	if who := r.URL.Query().Get("who"); who != "" {
		return standInPage(r, v, who, nil)
	}
	f, err := search(r, "/my/for/stand-in", directory.User)
	if err != nil {
		return nil, err
	}
	f.Live = ""
	for i := range f.Found {
		_, guid, _ := strings.Cut(f.Found[i].Link, "?who=")
		f.Found[i].Link = "/my/for/stand-in?who=" + guid
	}
	v.Finder = f
	return r.Show("delegates/standin", "delegates.standin", v), nil
}

// standInPage is the form for somebody.
func standInPage(r *page.Request, v standInForm, who string, chosen []string) (*page.Answer, error) {
	p, err := r.Site.Directory.Lookup(r.Context(), directory.Key{By: directory.GUID, Value: who})
	if err != nil {
		return nil, err
	}
	v.Who, v.Name = p.GUID, p.FullName
	list, err := admin.ListDelegators(r.Context(), r.Site.Admin, r.GUID())
	if err != nil {
		return nil, failed(err)
	}
	for _, d := range list {
		if d.Grant.Substitute {
			v.For = append(v.For, choice{Name: d.GUID, Title: d.FullName, Chosen: chosen == nil || slices.Contains(chosen, d.GUID)})
		}
	}
	return r.Show("delegates/standin", "delegates.standin", v), nil
}

func addStandIn(r *page.Request) (*page.Answer, error) {
	v := standInForm{From: r.PostFormValue("from"), Until: r.PostFormValue("until"), Note: strings.TrimSpace(r.PostFormValue("note"))}
	who, chosen := r.PostFormValue("who"), r.PostForm["for"]
	from, err := day(r, v.From, 0)
	until, err2 := day(r, v.Until, 1)
	if err = errors.Join(err, err2); err != nil {
		return nil, page.Fail(http.StatusBadRequest, "")
	}
	switch {
	case until.IsZero():
		v.Problem = r.Locale.T("delegates.err-no-end")
	case len(chosen) == 0:
		v.Problem = r.Locale.T("delegates.err-nobody")
	default:
		_, err = admin.ChangeStandIn(r.Context(), r.Mine(), admin.StandInChange{
			Delegate: r.GUID(), StandIn: who, From: from, Until: until, For: chosen, Note: v.Note, By: r.Caller.Login,
		})
		if err == nil {
			return r.Go("/my/for/", "delegates.standin-saved", "name", r.Names().Of(who)), nil
		}
		if v.Problem = problem(r, err); v.Problem == "" {
			return nil, failed(err)
		}
	}
	a, err2 := standInPage(r, v, who, append([]string{}, chosen...))
	if err2 != nil {
		return nil, err2
	}
	a.Status = http.StatusUnprocessableEntity
	if errors.Is(err, delegation.ErrDenied) {
		a.Status = http.StatusForbidden
	}
	return a, nil
}

func endStandIn(r *page.Request) (*page.Answer, error) {
	id, err := strconv.ParseUint(r.PostFormValue("id"), 10, 64)
	if err != nil || id == 0 {
		return nil, page.Fail(http.StatusBadRequest, "")
	}
	if _, err = admin.ChangeStandIn(r.Context(), r.Mine(), admin.StandInChange{Remove: id, By: r.Caller.Login}); err != nil {
		return nil, failed(err)
	}
	return r.Go("/my/for/", "delegates.standin-ended"), nil
}
