package delegates

import (
	"encoding/json"
	"strings"

	"convene/directory"
	"convene/web/page"
)

// A finder is a field to search the directory with, and what was found: links that go on
// with a record.
type finder struct {
	Action string // path of the page that shows what is found
	Query  string
	Asked  bool   // something was searched for
	Short  bool   // it was too short
	More   bool   // there is more than is listed
	Live   string // path of what finds as one types; "": nothing does
	Hidden map[string]string
	Found  []foundPrincipal
}

// A foundPrincipal is one of those found.
type foundPrincipal struct {
	Name  string `json:"name"`
	Mail  string `json:"mail"`
	Group bool   `json:"group"`
	Link  string `json:"link"`
}

// search finds what the parameter q of a request says.
func search(r *page.Request, action string, types ...directory.Type) (f finder, err error) {
	f = finder{Action: action, Query: strings.TrimSpace(r.URL.Query().Get("q")), Live: r.Link("/my/delegates/find")}
	if f.Query == "" {
		return f, nil
	}
	f.Asked = true
	f.Short = len([]rune(f.Query)) < 2
	found, more, err := r.Find(f.Query, types...)
	f.More = more
	for _, p := range found {
		if p.GUID != r.Owner().GUID {
			f.Found = append(f.Found, foundOf(r.Link("/my/delegates/edit"), p))
		}
	}
	return f, err
}

func foundOf(link string, p *directory.Principal) foundPrincipal {
	f := foundPrincipal{Name: p.FullName, Mail: p.Name, Group: p.Type == directory.Group, Link: link + "?who=" + p.GUID}
	if len(p.Emails) > 0 {
		f.Mail = p.Emails[0]
	}
	return f
}

// find is search for the script: the list as JSON.
func find(r *page.Request) (*page.Answer, error) {
	f, err := search(r, "", directory.User, directory.Group)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(struct {
		Found []foundPrincipal `json:"found"`
		Said  string           `json:"said"`
		Group string           `json:"group"`
	}{append([]foundPrincipal{}, f.Found...), r.Locale.N("delegates.found", len(f.Found)), r.Locale.T("delegates.group")})
	return &page.Answer{Type: "application/json", Body: body}, err
}
