package manage

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"convene/admin"
	"convene/caldav"
	"convene/directory"
	"convene/rooms"
	"convene/sacl"
	"convene/web/page"
)

// whyView is questions about what somebody may do, and the answers to those that were
// asked.
type whyView struct {
	GUID, Name  string
	Services    []option
	Methods     []option
	URL         string
	Room        string
	From, Until string // of the meeting, as fields of a form have it
	Heads       string
	Answers     []verdict
}

// A verdict is an answer, with what decided.
type verdict struct {
	Question string
	Allowed  bool
	Says     string // in one line
	Rule     string // the rule that decided
	Detail   string // all of it, as the command prints it
	Command  string
	Problem  string // the question makes no sense
}

var services = []sacl.Service{sacl.Calendar, sacl.Web, sacl.Admin}

var methods = []string{"GET", "PUT", "DELETE", "PROPFIND", "PROPPATCH", "REPORT", "MKCALENDAR", "ACL"}

func why(r *page.Request) (*page.Answer, error) {
	p, err := known(r)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	v := whyView{
		GUID: p.GUID, Name: p.FullName, URL: strings.TrimSpace(q.Get("url")), Room: strings.TrimSpace(q.Get("room")), From: q.Get("from"), Until: q.Get("until"), Heads: q.Get("heads"),
	}
	service, method := q.Get("service"), q.Get("method")
	for _, s := range services {
		v.Services = append(v.Services, option{string(s), string(s), string(s) == service})
	}
	for _, m := range methods {
		v.Methods = append(v.Methods, option{m, m, m == method})
	}
	if slices.Contains(services, sacl.Service(service)) {
		a, err := whyService(r, p, sacl.Service(service))
		if err != nil {
			return nil, err
		}
		v.Answers = append(v.Answers, a)
	}
	if v.URL != "" && slices.Contains(methods, method) {
		a, err := whyURL(r, p, method, v.URL)
		if err != nil {
			return nil, err
		}
		v.Answers = append(v.Answers, a)
	}
	if v.Room != "" && v.From != "" && v.Until != "" {
		a, err := whyRoom(r, p, &v)
		if err != nil {
			return nil, err
		}
		v.Answers = append(v.Answers, a)
	}
	a := r.Show("manage/why", "manage.why", v)
	a.Title = r.Locale.T("manage.why-of", "name", p.FullName)
	return a, nil
}

func whyService(r *page.Request, p *directory.Principal, service sacl.Service) (v verdict, err error) {
	e, err := admin.ExplainSACL(r.Context(), r.Site.Admin, service, p.GUID)
	if err != nil {
		return v, err
	}
	v = verdict{
		Question: r.Locale.T("manage.q-service", "service", service), Allowed: e.Allowed, Says: e.Reason, Rule: e.Rule, Detail: e.Text,
		Command: command("principal", "why", ref(p), "--service", string(service)),
	}
	return v, nil
}

func whyURL(r *page.Request, p *directory.Principal, method, address string) (v verdict, err error) {
	v = verdict{Question: r.Locale.T("manage.q-url", "method", method, "url", address), Command: command("acl", "explain", ref(p), address, "--method", method)}
	e, err := admin.ExplainACL(r.Context(), r.Site.Admin, admin.ACLRequest{Who: p.GUID, URL: address, Method: method})
	switch {
	case errors.Is(err, admin.ErrNoResource), errors.Is(err, admin.ErrRequest), err != nil && caldav.ErrorStatus(err) < http.StatusInternalServerError:
		v.Problem = r.Locale.T("manage.no-resource")
		return v, nil
	case err != nil:
		return v, err
	}
	v.Detail = e.Text
	switch {
	case !p.LoginEnabled:
		v.Says, v.Rule = r.Locale.T("manage.no-sign-in"), r.Locale.T("manage.by-record")
	case !e.Service.Allowed:
		v.Says, v.Rule = r.Locale.T("manage.not-service"), e.Service.Rule
	case e.Method.Allowed:
		v.Allowed, v.Says = true, r.Locale.T("manage.method-allowed", "method", method)
	default:
		v.Says = r.Locale.T("manage.method-refused", "method", method, "status", e.Method.Status)
		v.Rule = e.Method.Reason
	}
	return v, nil
}

func whyRoom(r *page.Request, p *directory.Principal, in *whyView) (v verdict, err error) {
	v = verdict{Question: r.Locale.T("manage.q-room", "room", in.Room)}
	from, err := clock(r, in.From)
	until, err2 := clock(r, in.Until)
	if errors.Join(err, err2) != nil {
		v.Problem = r.Locale.T("manage.bad-time")
		return v, nil
	}
	ask := url.Values{"from": {from.Format(time.RFC3339)}, "to": {until.Format(time.RFC3339)}}
	words := []string{"room", "explain", in.Room, "--as", ref(p), "--from", from.Format(time.RFC3339), "--to", until.Format(time.RFC3339)}
	if in.Heads != "" {
		ask.Set("heads", in.Heads)
		words = append(words, "--heads", in.Heads)
	}
	v.Command = command(words...)
	e, err := admin.ExplainRoom(r.Context(), r.Site.Admin, admin.RoomQuestion{As: p.GUID, Rooms: []string{in.Room}, Query: ask, By: r.Caller.Login})
	var field *rooms.FieldError
	switch {
	case errors.As(err, &field):
		v.Problem = field.Error()
		return v, nil
	case errors.Is(err, admin.ErrNoRoom), errors.Is(err, directory.ErrNotFound), errors.Is(err, directory.ErrAmbiguous):
		v.Problem = r.Locale.T("manage.no-room")
		return v, nil
	case err != nil:
		return v, err
	}
	v.Allowed = e.Answer == "accepted"
	v.Says, v.Rule = e.Answer, roomReasons(&e)
	v.Detail = roomDetail(&e)
	return v, nil
}

// roomReasons are why a room answers so.
func roomReasons(e *rooms.Explanation) string {
	var out []string
	for _, d := range e.Dates {
		for _, reason := range d.Reasons {
			if !slices.Contains(out, reason) {
				out = append(out, reason)
			}
		}
	}
	return strings.Join(out, ", ")
}

func roomDetail(e *rooms.Explanation) string {
	var b strings.Builder
	b.WriteString(strings.Join([]string{"class: " + e.Class, "may: " + e.May, "mode: " + e.Mode}, "\n") + "\n")
	for _, rule := range e.Rules {
		b.WriteString(rule.Name + ": " + rule.Value + "\n")
	}
	b.WriteString(e.Text)
	return b.String()
}

// clock reads a field with a day and a time of day, in the reader's zone.
func clock(r *page.Request, s string) (time.Time, error) {
	return time.ParseInLocation("2006-01-02T15:04", strings.Replace(s, " ", "T", 1), r.Zone)
}
