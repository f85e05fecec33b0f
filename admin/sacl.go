package admin

import (
	"context"
	"fmt"
	"strings"

	"convene/sacl"
)

// SACLRule is a rule of the access list, as it is shown.
type SACLRule struct {
	Service sacl.Service `json:"service"`
	Effect  sacl.Effect  `json:"effect"`
	Who     string       `json:"who"`
	GUID    string       `json:"guid,omitempty"`
	Origin  sacl.Origin  `json:"origin"`
	Changed string       `json:"changed,omitempty"`
	By      string       `json:"by,omitempty"`
}

// SACLChange makes a durable rule. An empty Effect clears it.
type SACLChange struct {
	Service sacl.Service `json:"service"`
	Effect  sacl.Effect  `json:"effect,omitempty"`
	Who     string       `json:"who"`
	By      string       `json:"by"`
}

// SACLChanged is the result of a SACLChange.
type SACLChanged struct {
	Who     string     `json:"who"`
	Changed bool       `json:"changed"` // false: it was so already
	Rules   []SACLRule `json:"rules"`   // of the service, as they are now
}

// SACLExplanation says whether a principal may use a service, and why.
type SACLExplanation struct {
	Name    string       `json:"name"`
	GUID    string       `json:"guid"`
	Service sacl.Service `json:"service"`
	Allowed bool         `json:"allowed"`
	Rule    string       `json:"rule"` // the rule that decided, or "directory record"
	Reason  string       `json:"reason"`
	Entry   string       `json:"entry,omitempty"` // DN of the directory entry that decided
	Path    []string     `json:"path"`            // from the principal up to the group of the rule, by name; empty if no group decided
	Steps   []SACLStep   `json:"steps"`

	LoginEnabled    bool     `json:"loginEnabled"`
	CalendarEnabled bool     `json:"calendarEnabled"`
	Attributes      []string `json:"attributes"` // "name: value", those that decided the two above

	Text string `json:"text"` // all of it, for people
}

// A SACLStep is one stage of a decision.
type SACLStep struct {
	Service sacl.Service `json:"service,omitempty"` // whose rules; empty for the directory record
	Passed  bool         `json:"passed"`
	Reason  string       `json:"reason"`
}

// ShowSACL lists the rules in force.
func ShowSACL(ctx context.Context, c Conn) ([]SACLRule, error) {
	return call[[]SACLRule](ctx, c, "sacl-show", None{})
}

// ChangeSACL makes or clears a durable rule. Errors: sacl.ErrBadRule, and those
// of the directory.
func ChangeSACL(ctx context.Context, c Conn, r SACLChange) (SACLChanged, error) {
	return call[SACLChanged](ctx, c, "sacl-change", r)
}

// ExplainSACL says whether who may use a service, and why. Errors: those of
// the directory.
func ExplainSACL(ctx context.Context, c Conn, service sacl.Service, who string) (SACLExplanation, error) {
	return call[SACLExplanation](ctx, c, "sacl-explain", SACLChange{Service: service, Who: who})
}

func (a *Admin) saclShow(context.Context, None) ([]SACLRule, error) {
	return rulesOf(a.SACL, func(sacl.Rule) bool { return true }), nil
}

func rulesOf(s *sacl.SACL, want func(sacl.Rule) bool) []SACLRule {
	out := []SACLRule{}
	for _, r := range s.Rules() {
		if want(r) {
			out = append(out, SACLRule{r.Service, r.Effect, r.Entry(), r.Who.GUID, r.Origin, r.Changed, r.By})
		}
	}
	return out
}

func (a *Admin) saclChange(ctx context.Context, r SACLChange) (SACLChanged, error) {
	service, err := sacl.ParseService(string(r.Service))
	if err != nil {
		return SACLChanged{}, err
	}
	var change sacl.Change
	switch r.Effect {
	case sacl.Allow, sacl.Deny:
		change, err = a.SACL.Set(ctx, service, r.Effect, r.Who, r.By)
	case "":
		change, err = a.SACL.Clear(ctx, service, r.Who, r.By)
	default:
		err = fmt.Errorf("effect %q: %w", r.Effect, sacl.ErrBadRule)
	}
	if err != nil {
		return SACLChanged{}, err
	}
	return SACLChanged{
		Who: change.Rule.Entry(), Changed: change.Changed,
		Rules: rulesOf(a.SACL, func(r sacl.Rule) bool { return r.Service == service }),
	}, nil
}

func (a *Admin) saclExplain(ctx context.Context, r SACLChange) (SACLExplanation, error) {
	service, err := sacl.ParseService(string(r.Service))
	if err != nil {
		return SACLExplanation{}, err
	}
	e, err := a.SACL.Explain(ctx, service, r.Who)
	if err != nil {
		return SACLExplanation{}, err
	}
	var text strings.Builder
	if _, err := e.WriteTo(&text); err != nil {
		return SACLExplanation{}, err
	}
	out := SACLExplanation{
		Name: e.Principal.Name, GUID: e.Principal.GUID, Service: service, Allowed: e.Allowed, Rule: e.Rule, Reason: e.Reason, Entry: e.Entry,
		Path: []string{}, Steps: []SACLStep{}, LoginEnabled: e.Principal.LoginEnabled, CalendarEnabled: e.Principal.CalendarEnabled,
		Attributes: append([]string{}, e.Attributes...), Text: text.String(),
	}
	for _, p := range e.Path {
		out.Path = append(out.Path, p.Name)
	}
	for _, s := range e.Steps {
		out.Steps = append(out.Steps, SACLStep{s.Service, s.Passed, s.Reason})
	}
	return out, nil
}

// SACLReset asks for a list that begins anew.
type SACLReset struct {
	With sacl.Beginning `json:"with"`
	By   string         `json:"by"`
}

// ResetSACL begins the access list anew and returns the number of its rules.
func ResetSACL(ctx context.Context, c Conn, r SACLReset) (int, error) {
	return call[int](ctx, c, "sacl-reset", r)
}

func (a *Admin) saclReset(_ context.Context, r SACLReset) (int, error) {
	if r.With != sacl.Empty && r.With != sacl.FromTheFile {
		return 0, fmt.Errorf("beginning %d: %w", r.With, ErrRequest)
	}
	return a.SACL.Reset(r.With, r.By)
}

// Reload makes the running server read its configuration again.
func Reload(ctx context.Context, c Conn) error {
	_, err := call[None](ctx, c, "reload", None{})
	return err
}

func (a *Admin) reload(ctx context.Context, _ None) (None, error) {
	if a.Reload == nil {
		return None{}, ErrNotRunning
	}
	return None{}, a.Reload(ctx)
}
