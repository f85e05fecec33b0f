package my

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"convene/admin"
	"convene/audit"
	"convene/auth"
	"convene/prefs"
	"convene/web/i18n"
	"convene/web/page"
)

type accountView struct {
	Principal principal
	Prefs     prefs.Prefs
	Languages []*i18n.Language
	Zones     []string
	Usage     *usage // nil: not known now
	Sessions  []session
}

type principal struct {
	Name, FullName, Login string
	Emails                []string
}

type usage struct {
	Label, Text string
	Percent     int64 // -1: without a limit
}

type session struct {
	auth.Session
	Agent   string
	Current bool
	Expires time.Time
}

func account(r *page.Request) (*page.Answer, error) {
	sessions, err := r.Sessions.List(r.Context(), r.GUID(), r.Site.Config.Limits())
	if err != nil {
		return nil, err
	}
	p := r.Caller.Principal
	v := accountView{
		Principal: principal{p.Name, p.FullName, r.Session.Login, p.Emails}, Prefs: r.Prefer,
		Languages: r.Texts.Languages(), Zones: page.Zones(), Usage: used(r),
	}
	for _, s := range sessions {
		v.Sessions = append(v.Sessions, session{s, browser(r, s.Agent), s.ID == r.Session.ID, s.Expires(r.Site.Config.Limits())})
	}
	return r.Show("my/account", "my.account", v), nil
}

// used is how much the caller stores. While that cannot be found out the page goes
// without.
func used(r *page.Request) *usage {
	u, err := admin.Quota(r.Context(), r.Site.Admin, r.GUID())
	if err != nil {
		r.Log.Warn("how much somebody stores is not known", "user", r.Caller.Login, "err", err)
		return nil
	}
	v := &usage{Label: r.Locale.T("my.storage"), Percent: u.Percent}
	if u.Limit < 0 {
		v.Text = r.Locale.T("my.used", "used", page.Bytes(u.Used))
	} else {
		v.Text = r.Locale.T("my.used-of", "used", page.Bytes(u.Used), "limit", page.Bytes(u.Limit))
	}
	return v
}

// saveAccount stores how the caller wants pages.
func saveAccount(r *page.Request) (*page.Answer, error) {
	p := r.Prefer
	p.Language, p.Zone, p.Clock, p.Week = r.PostFormValue("language"), r.PostFormValue("zone"), r.PostFormValue("clock"), r.PostFormValue("week")
	p.Zone2 = r.PostFormValue("zone2")
	bad := p.Language != "" && r.Texts.Language(p.Language) == nil ||
		p.Zone != "" && !slices.Contains(page.Zones(), p.Zone) || p.Zone2 != "" && !slices.Contains(page.Zones(), p.Zone2) ||
		!slices.Contains([]string{"", "12", "24"}, p.Clock) || !slices.Contains([]string{"", "monday", "saturday", "sunday"}, p.Week)
	if bad {
		return nil, page.Fail(http.StatusBadRequest, "")
	}
	if err := r.Prefs.Set(r.Context(), r.GUID(), p); err != nil {
		return nil, err
	}
	r.Prefer = p
	r.Locale = r.Texts.Locale(i18n.Choice{Language: p.Language, Accept: r.Header.Get("Accept-Language"), Clock: p.Clock, Week: p.Week})
	return r.Go("/my/account", "my.saved"), nil
}

// endSession ends one of the caller's sessions.
func endSession(r *page.Request) (*page.Answer, error) {
	id := r.PathValue("id")
	act := audit.Act{By: r.By(), Verb: "session.revoke", Object: r.Self(), Before: map[string]string{"session": id}}
	err := r.Audit.Do(r.Context(), act, func() (any, error) { return nil, r.Sessions.End(r.Context(), r.GUID(), id) })
	if err != nil {
		return nil, unrecorded(err)
	}
	return r.Go("/my/account", "my.session-ended"), nil
}

// endSessions ends all of them, this one too.
func endSessions(r *page.Request) (*page.Answer, error) {
	act := audit.Act{By: r.By(), Verb: "session.revoke", Object: r.Self()}
	err := r.Audit.Do(r.Context(), act, func() (any, error) {
		n, err := r.Sessions.EndAll(r.Context(), r.GUID())
		return map[string]int{"sessions": n}, err
	})
	if err != nil {
		return nil, unrecorded(err)
	}
	return r.Go("/signin", ""), nil
}

// unrecorded makes 503 of an act that could not be recorded, and so was not done.
func unrecorded(err error) error {
	if errors.Is(err, audit.ErrNotRecorded) {
		return &page.Error{Status: http.StatusServiceUnavailable, Retry: time.Minute, Err: fmt.Errorf("session: %w", err)}
	}
	return err
}
