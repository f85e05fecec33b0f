package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"convene/audit"
	"convene/delegation"
	"convene/delegation/appointed"
	"convene/directory"
)

// A DelegateChange makes somebody a delegate of another, or ends it.
type DelegateChange struct {
	Delegator string           `json:"delegator"`
	Delegate  string           `json:"delegate"`
	Level     delegation.Level `json:"level,omitzero"`
	// Limits of the delegation; Scope is that of Calendars, Notify the one beside it.
	Limits    delegation.Limits  `json:"limits"`
	Calendars []string           `json:"calendars,omitempty"` // names in the delegator's home; none: all
	Notify    *delegation.Notify `json:"notify,omitempty"`    // nil: as for a delegate who is only named

	By     string `json:"by"` // who they say they are
	Reason string `json:"reason,omitempty"`
}

// DelegatesChanged says what a change did; nothing, if it was so already.
type DelegatesChanged struct {
	Added    []Delegate `json:"added"`
	Changed  []Delegate `json:"changed"`
	Removed  []Delegate `json:"removed"`
	StandIns []StandIn  `json:"standIns"` // added or removed
}

// AddDelegate makes somebody a delegate, in the place of what there was. Errors: those
// of the directory and of delegation.Book.Put.
func AddDelegate(ctx context.Context, c Conn, r DelegateChange) (DelegatesChanged, error) {
	return call[DelegatesChanged](ctx, c, "delegate-add", r)
}

// RemoveDelegate ends a delegation. Errors: those of the directory and of
// delegation.Book.Remove.
func RemoveDelegate(ctx context.Context, c Conn, r DelegateChange) (DelegatesChanged, error) {
	return call[DelegatesChanged](ctx, c, "delegate-remove", r)
}

// StandInChange lets StandIn act in the place of Delegate, or ends that.
type StandInChange struct {
	Delegate string    `json:"delegate"`
	StandIn  string    `json:"standIn"`
	From     time.Time `json:"from,omitzero"`
	Until    time.Time `json:"until,omitzero"`
	For      []string  `json:"for,omitempty"` // delegators; none: all
	Note     string    `json:"note,omitempty"`
	Remove   uint64    `json:"remove,omitempty"` // the number of the one to end; the rest is not looked at

	By     string `json:"by"` // who they say they are
	Reason string `json:"reason,omitempty"`
}

// ChangeStandIn adds or ends a stand-in. Errors: those of the directory and of
// delegation.Book.AddStandIn and RemoveStandIn.
func ChangeStandIn(ctx context.Context, c Conn, r StandInChange) (DelegatesChanged, error) {
	return call[DelegatesChanged](ctx, c, "delegate-standin", r)
}

// The formats of files that LoadDelegates reads.
const (
	FormatCSV     = "csv"
	FormatJSON    = "json"
	FormatProxies = "proxies.xml" // Apple's
	FormatProxyDB = "proxydb"     // what sqlite3 dumps of Apple's database
)

// DelegateLoad is a file of delegations.
type DelegateLoad struct {
	Format      string `json:"format"`
	Text        []byte `json:"text"`
	Replace     bool   `json:"replace,omitempty"`     // remove what its delegators have besides
	SkipUnknown bool   `json:"skipUnknown,omitempty"` // leave out who is not in the directory
	DryRun      bool   `json:"dryRun,omitempty"`

	By     string `json:"by"` // who they say they are
	Reason string `json:"reason,omitempty"`
}

// LoadDelegates makes the delegations of a file, all or none. Errors: those of
// delegation.Book.Load; the text has what is wrong and where.
func LoadDelegates(ctx context.Context, c Conn, r DelegateLoad) (delegation.LoadReport, error) {
	return call[delegation.LoadReport](ctx, c, "delegate-load", r)
}

// delegateAuthor is the operator as the author of a change. Errors: those of the
// directory, delegation.ErrRefused.
func (a *Admin) delegateAuthor(ctx context.Context, says string) (author delegation.Author, err error) {
	if p := a.Operator.person; p != nil {
		author = delegation.Author{Administrator: p.Administrator, Via: p.By.Via.How, Remote: p.By.Via.Remote}
		author.GUID = p.Caller.Principal.GUID
		if p.Administrator {
			return author, nil
		}
		set, err := a.Delegates.Read()
		if err != nil {
			return author, err
		}
		author.Caller, err = a.delegateCaller(ctx, set, author.GUID)
		return author, err
	}
	by := a.Operator.By(says, "")
	name := by.Actor.Name
	if name == "" {
		name = by.Via.Says
	}
	return delegation.Author{Caller: delegation.Caller{GUID: "account:" + name}, Administrator: true, Via: by.Via.How}, nil
}

// target is whose delegates are changed, with those whom the directory names.
func (a *Admin) delegateTarget(ctx context.Context, who string) (*directory.Principal, delegation.Target, error) {
	p, err := a.find(ctx, who)
	if err != nil {
		return nil, delegation.Target{}, err
	}
	records, _, err := appointed.Of(p, appointed.Lookups(ctx, a.Directory))
	return p, delegation.Target{Principal: appointed.Principal(p), Directory: records}, err
}

// change does a change of the delegates of p between the lines of the audit log.
func (a *Admin) changeDelegates(ctx context.Context, by audit.By, verb string, p *directory.Principal, do func() (delegation.Outcome, error)) (out DelegatesChanged, err error) {
	act := audit.Act{By: by, Verb: verb, Object: audit.Object{Type: "principal", GUID: p.GUID, Name: p.Name}}
	if set, err := a.Delegates.Read(); err == nil {
		act.Before = set.Records(p.GUID)
	}
	var done delegation.Outcome
	err = a.Audit.Do(ctx, act, func() (any, error) {
		done, err = do()
		if err != nil {
			return nil, err
		}
		set, err := a.Delegates.Read()
		if err != nil {
			return nil, nil // it was done
		}
		return set.Records(p.GUID), nil
	})
	return a.changed(ctx, done), err
}

func (a *Admin) changed(ctx context.Context, done delegation.Outcome) DelegatesChanged {
	now, names := a.now(), a.names(ctx)
	show := func(list []delegation.Record) []Delegate {
		out := []Delegate{}
		for _, r := range list {
			out = append(out, names.delegate(r, "", now))
		}
		return out
	}
	out := DelegatesChanged{show(done.Added), show(done.Changed), show(done.Removed), []StandIn{}}
	for _, x := range done.StandIns {
		out.StandIns = append(out.StandIns, names.standIn(x, now))
	}
	return out
}

func (a *Admin) delegateAdd(ctx context.Context, r DelegateChange) (out DelegatesChanged, err error) {
	p, target, err := a.delegateTarget(ctx, r.Delegator)
	if err != nil {
		return out, err
	}
	delegate, err := a.find(ctx, r.Delegate)
	if err != nil {
		return out, err
	}
	r.Limits.Scope = delegation.Scope{All: true}
	if len(r.Calendars) > 0 {
		ids, err := a.collections(ctx, p, r.Calendars)
		if err != nil {
			return out, err
		}
		r.Limits.Scope = delegation.Scope{Collections: ids}
	}
	plain := delegation.PlainLimits(target.Kind)
	r.Limits.Approve = plain.Approve
	if r.Notify == nil {
		r.Notify = &plain.Notify
	}
	r.Limits.Notify = *r.Notify
	author, err := a.delegateAuthor(ctx, r.By)
	if err != nil {
		return out, err
	}
	return a.changeDelegates(ctx, a.Operator.By(r.By, r.Reason), "delegate.add", p, func() (delegation.Outcome, error) {
		return a.Delegates.Put(ctx, author, target, appointed.Principal(delegate), r.Level, r.Limits)
	})
}

func (a *Admin) delegateRemove(ctx context.Context, r DelegateChange) (out DelegatesChanged, err error) {
	// Who has left the directory, or lost their calendars, can be removed as well.
	p, target, err := a.delegateTarget(ctx, r.Delegator)
	if errors.Is(err, directory.ErrNotFound) {
		guid := directory.CanonicalGUID(r.Delegator)
		p, target, err = &directory.Principal{GUID: guid, Name: guid}, delegation.Target{Principal: delegation.Principal{GUID: guid}}, nil
	}
	if err != nil {
		return out, err
	}
	delegate := directory.CanonicalGUID(r.Delegate)
	switch d, err := a.find(ctx, r.Delegate); {
	case err == nil:
		delegate = d.GUID
	case !errors.Is(err, directory.ErrNotFound):
		return out, err
	}
	author, err := a.delegateAuthor(ctx, r.By)
	if err != nil {
		return out, err
	}
	return a.changeDelegates(ctx, a.Operator.By(r.By, r.Reason), "delegate.remove", p, func() (delegation.Outcome, error) {
		return a.Delegates.Remove(ctx, author, target, delegate)
	})
}

func (a *Admin) delegateStandIn(ctx context.Context, r StandInChange) (out DelegatesChanged, err error) {
	by := a.Operator.By(r.By, r.Reason)
	author, err := a.delegateAuthor(ctx, r.By)
	if err != nil {
		return out, err
	}
	if r.Remove != 0 {
		nobody := &directory.Principal{Name: fmt.Sprintf("stand-in %d", r.Remove)}
		return a.changeDelegates(ctx, by, "delegate.standin-remove", nobody, func() (delegation.Outcome, error) {
			return a.Delegates.RemoveStandIn(ctx, author, r.Remove)
		})
	}
	guids := make([]string, 2, 2+len(r.For))
	var delegate *directory.Principal
	for i, who := range append([]string{r.Delegate, r.StandIn}, r.For...) {
		p, err := a.find(ctx, who)
		if err != nil {
			return out, err
		}
		switch i {
		case 0:
			delegate, guids[0] = p, p.GUID
		case 1:
			guids[1] = p.GUID
		default:
			guids = append(guids, p.GUID)
		}
	}
	x := delegation.StandIn{Delegate: guids[0], StandIn: guids[1], For: guids[2:], From: r.From, Until: r.Until, Note: r.Note}
	appointees, err := a.Appointed.All(ctx)
	if err != nil {
		return out, err
	}
	return a.changeDelegates(ctx, by, "delegate.standin", delegate, func() (delegation.Outcome, error) {
		return a.Delegates.AddStandIn(ctx, author, x, appointees)
	})
}

// readers of the formats.
var delegateFormats = map[string]func([]byte) ([]delegation.Import, error){
	FormatCSV:     func(b []byte) ([]delegation.Import, error) { return delegation.ReadCSV(bytes.NewReader(b)) },
	FormatJSON:    func(b []byte) ([]delegation.Import, error) { return delegation.ReadJSON(bytes.NewReader(b)) },
	FormatProxies: func(b []byte) ([]delegation.Import, error) { return delegation.ReadProxiesXML(bytes.NewReader(b)) },
	FormatProxyDB: func(b []byte) ([]delegation.Import, error) { return delegation.ReadProxyDB(bytes.NewReader(b)) },
}

func (a *Admin) delegateLoad(ctx context.Context, r DelegateLoad) (report delegation.LoadReport, err error) {
	read := delegateFormats[r.Format]
	if read == nil {
		return report, fmt.Errorf("format %q: %w", r.Format, ErrRequest)
	}
	list, err := read(r.Text)
	if err != nil {
		return report, err
	}
	o := delegation.LoadOptions{Replace: r.Replace, SkipUnknown: r.SkipUnknown, DryRun: r.DryRun, Resolve: func(name string) (delegation.Principal, bool, error) {
		p, err := directory.Find(ctx, a.Directory, name)
		if errors.Is(err, directory.ErrNotFound) || errors.Is(err, directory.ErrAmbiguous) {
			return delegation.Principal{}, false, nil
		}
		if err != nil {
			return delegation.Principal{}, false, err
		}
		return appointed.Principal(p), true, nil
	}}
	author, err := a.delegateAuthor(ctx, r.By)
	if err != nil {
		return report, err
	}
	load := func() (any, error) {
		report, err = a.Delegates.Load(ctx, author, list, o)
		if err != nil && (len(report.Unknown) > 0 || len(report.Invalid) > 0) {
			err = fmt.Errorf("%w\n%s", err, problems(report))
		}
		return report, err
	}
	if r.DryRun {
		_, err = load()
		return report, err
	}
	act := audit.Act{By: a.Operator.By(r.By, r.Reason), Verb: "delegate.load", Object: audit.Object{Type: "delegates"}}
	err = a.Audit.Do(ctx, act, load)
	return report, err
}

// mostProblems is how many lines of a file are named that cannot be loaded.
const mostProblems = 50

// problems lists what is wrong with a file, a line each.
func problems(r delegation.LoadReport) string {
	var b bytes.Buffer
	list := append(append([]string{}, prefixed("unknown principal: ", r.Unknown)...), r.Invalid...)
	for i, text := range list {
		if i == mostProblems {
			fmt.Fprintf(&b, "  and %d more\n", len(list)-i)
			break
		}
		fmt.Fprintf(&b, "  %s\n", text)
	}
	return string(bytes.TrimRight(b.Bytes(), "\n"))
}

func prefixed(prefix string, list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = prefix + s
	}
	return out
}
