package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"convene/directory"
)

// maxPaths bounds the groups of which the way to them is told: each is a question.
const maxPaths = 200

// RecordRequest names a record of the directory.
type RecordRequest struct {
	Who string `json:"who"`
}

// SearchRequest asks for records that have a text in a name or address.
type SearchRequest struct {
	Text  string `json:"text"`
	Limit int    `json:"limit"`
}

// A Record is one of the directory, in short.
type Record struct {
	GUID    string   `json:"guid"`
	Type    string   `json:"type"` // users, groups, locations, resources
	Name    string   `json:"name"`
	Full    string   `json:"full_name"`
	Emails  []string `json:"emails"`
	DN      string   `json:"dn,omitempty"`
	Enabled bool     `json:"calendar_enabled"`
	Login   bool     `json:"login_enabled"`
	State   []string `json:"state,omitempty"` // limits of the account
}

// Records are those that a search has found.
type Records struct {
	Records []Record `json:"records"`
	More    bool     `json:"more"` // there are more than the limit
}

// GroupPath is a group that a record is in.
type GroupPath struct {
	GUID string   `json:"guid"`
	Name string   `json:"name"`
	Path []string `json:"path"` // names of the groups from the record to this one, which is the last
}

// KeyHolders is a key that finds a record, and who else has it.
type KeyHolders struct {
	Kind   string   `json:"kind"` // guid, name, mail, kerberos
	Value  string   `json:"value"`
	Others []string `json:"others"` // their DNs, or names
}

// RecordExplained is all that is known of a record, and why.
type RecordExplained struct {
	Record     Record                      `json:"record"`
	Fields     []directory.FieldSource     `json:"fields"`
	Conditions []directory.ConditionResult `json:"conditions"`
	Groups     []GroupPath                 `json:"groups"`
	Keys       []KeyHolders                `json:"keys"`
	Remembered string                      `json:"remembered"` // how long ago it was read; "": it is not remembered
	Differs    []string                    `json:"differs"`    // fields in which what is remembered differs from the directory
	Delegates  []Delegate                  `json:"delegates"`
	Room       *RoomSettings               `json:"room,omitempty"` // of locations and resources
}

// ShowRecord returns one record as the server has it. Errors: those of the directory.
func ShowRecord(ctx context.Context, c Conn, r RecordRequest) (Record, error) {
	return call[Record](ctx, c, "directory-show", r)
}

// SearchRecords finds records. Errors: those of the directory.
func SearchRecords(ctx context.Context, c Conn, r SearchRequest) (Records, error) {
	return call[Records](ctx, c, "directory-search", r)
}

// ExplainRecord asks the directory anew about one record. Errors: those of the directory.
func ExplainRecord(ctx context.Context, c Conn, r RecordRequest) (RecordExplained, error) {
	return call[RecordExplained](ctx, c, "directory-explain", r)
}

func (a *Admin) record(p *directory.Principal) Record {
	return Record{GUID: p.GUID, Type: p.Type.String(), Name: p.Name, Full: p.FullName, Emails: append([]string{}, p.Emails...), DN: p.DN,
		Enabled: p.CalendarEnabled, Login: p.LoginEnabled, State: p.Account.Describe(a.now())}
}

func (a *Admin) directoryShow(ctx context.Context, r RecordRequest) (Record, error) {
	p, err := directory.Find(ctx, a.Directory, r.Who)
	if err != nil {
		return Record{}, err
	}
	return a.record(p), nil
}

func (a *Admin) directorySearch(ctx context.Context, r SearchRequest) (out Records, err error) {
	if r.Text == "" {
		return out, fmt.Errorf("%w: no text", ErrRequest)
	}
	list, err := a.Directory.Search(ctx, directory.Query{Terms: []directory.Term{{Value: r.Text}}, Limit: r.Limit})
	if errors.Is(err, directory.ErrTooMany) {
		out.More, err = true, nil
	}
	out.Records = []Record{}
	for _, p := range list {
		out.Records = append(out.Records, a.record(p))
	}
	return out, err
}

// An explainer is a directory that can say where fields come from, and what it
// remembers.
type explainer interface {
	Explain(ctx context.Context, guid string) (*directory.Explanation, error)
	Remembered(guid string) (*directory.Principal, time.Duration, error)
}

func (a *Admin) directoryExplain(ctx context.Context, r RecordRequest) (out RecordExplained, err error) {
	source, ok := a.Directory.(explainer)
	if !ok {
		return out, ErrNotRunning
	}
	// The look-up itself would be what is remembered. That nothing is, which is the only
	// error, is an answer too: nil.
	var old *directory.Principal
	var age time.Duration
	if ref, refErr := directory.ParseRef(r.Who); refErr == nil && ref.GUID != "" {
		old, age, _ = source.Remembered(ref.GUID)
	} else if a.Cache != nil {
		if p, err := a.Cache.Former(r.Who); err == nil {
			old, age, _ = source.Remembered(p.GUID)
		}
	}
	p, err := directory.Find(ctx, a.Directory, r.Who)
	if err != nil {
		return out, err
	}
	x, err := source.Explain(ctx, p.GUID)
	if err != nil {
		return out, err
	}
	out = RecordExplained{Record: a.record(x.Principal), Fields: append([]directory.FieldSource{}, x.Fields...),
		Conditions: append([]directory.ConditionResult{}, x.Conditions...), Groups: []GroupPath{}, Differs: []string{}, Delegates: []Delegate{}}
	if old != nil && old.GUID == p.GUID {
		out.Remembered, out.Differs = age.Round(time.Second).String(), differences(old, x.Principal)
	}
	if out.Groups, err = a.groupPaths(ctx, p.GUID); err != nil {
		return out, err
	}
	if out.Keys, err = a.keyHolders(ctx, x.Principal); err != nil {
		return out, err
	}
	if a.Delegates != nil && p.Type != directory.Group {
		list, err := a.delegateList(ctx, DelegatesRequest{Who: "guid:" + p.GUID})
		if err != nil {
			return out, err
		}
		out.Delegates = list.Delegates
	}
	if a.RoomRules != nil && (p.Type == directory.Location || p.Type == directory.Resource) {
		room, err := a.settingsOf(ctx, x.Principal)
		if err != nil {
			return out, err
		}
		out.Room = &room
	}
	return out, nil
}

// differences names the fields of two records that are not alike.
func differences(a, b *directory.Principal) []string {
	out := []string{}
	va, vb := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range va.NumField() {
		f := va.Type().Field(i)
		if f.IsExported() && !reflect.DeepEqual(va.Field(i).Interface(), vb.Field(i).Interface()) {
			out = append(out, f.Name)
		}
	}
	return out
}

// groupPaths finds for each group of a record a way to it: through the groups of the
// record that are in it themselves.
func (a *Admin) groupPaths(ctx context.Context, guid string) ([]GroupPath, error) {
	list, err := a.Directory.Groups(ctx, guid)
	if err != nil {
		return nil, err
	}
	above := map[string][]string{} // group → groups that it is in
	names := map[string]string{}
	for i, g := range list {
		names[g] = g
		p, err := a.Directory.Lookup(ctx, directory.Key{By: directory.GUID, Value: g})
		switch {
		case errors.Is(err, directory.ErrNotFound):
		case err != nil:
			return nil, err
		default:
			names[g] = cmp.Or(p.Name, p.FullName)
		}
		if i >= maxPaths {
			continue
		}
		if above[g], err = a.Directory.Groups(ctx, g); err != nil && !errors.Is(err, directory.ErrNotFound) {
			return nil, err
		}
	}
	out := []GroupPath{}
	for _, g := range list {
		out = append(out, GroupPath{g, names[g], pathTo(g, list, above, names)})
	}
	slices.SortFunc(out, func(a, b GroupPath) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// pathTo goes from a group down, each time to the nearest group in it, so that none on
// the way is left out.
func pathTo(g string, list []string, above map[string][]string, names map[string]string) []string {
	path := []string{names[g]}
	seen := map[string]bool{g: true}
	for {
		below := ""
		for _, h := range list {
			// Of those in g, directly or not, the nearest has the fewest above itself.
			if !seen[h] && slices.Contains(above[h], g) && (below == "" || len(above[h]) < len(above[below])) {
				below = h
			}
		}
		if below == "" {
			return path
		}
		path, g, seen[below] = slices.Insert(path, 0, names[below]), below, true
	}
}

// keyHolders lists what finds a record, and who else has it.
func (a *Admin) keyHolders(ctx context.Context, p *directory.Principal) ([]KeyHolders, error) {
	out := []KeyHolders{{"guid", p.GUID, []string{}}}
	for _, k := range p.Kerberos {
		out = append(out, KeyHolders{"kerberos", k, []string{}})
	}
	for _, list := range []struct {
		kind   string
		field  directory.Field
		values []string
	}{
		{"name", directory.FieldName, append([]string{p.Name}, p.Aliases...)},
		{"mail", directory.FieldEmail, p.Emails},
	} {
		for _, v := range list.values {
			if v == "" {
				continue
			}
			found, err := a.Directory.Search(ctx, directory.Query{Limit: 10, Terms: []directory.Term{{
				Fields: []directory.Field{list.field}, Value: v, How: directory.Equals}}})
			if err != nil && !errors.Is(err, directory.ErrTooMany) {
				return nil, err
			}
			k := KeyHolders{list.kind, v, []string{}}
			for _, other := range found {
				if other.GUID != p.GUID {
					k.Others = append(k.Others, cmp.Or(other.DN, other.Type.String()+"/"+other.Name))
				}
			}
			out = append(out, k)
		}
	}
	return out, nil
}
