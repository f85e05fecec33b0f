package caldav_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"convene/auth"
	"convene/directory"
)

// A changing directory is another one from time to time.
type changing struct {
	atomic.Pointer[directory.Static]
}

func (c *changing) Lookup(ctx context.Context, key directory.Key) (*directory.Principal, error) {
	return c.Load().Lookup(ctx, key)
}

func (c *changing) Groups(ctx context.Context, guid string) ([]string, error) {
	return c.Load().Groups(ctx, guid)
}

func (c *changing) Members(ctx context.Context, guid string, e directory.Expansion) ([]*directory.Principal, error) {
	return c.Load().Members(ctx, guid, e)
}

func (c *changing) MemberGUIDs(ctx context.Context, guid string, e directory.Expansion) ([]string, error) {
	return c.Load().MemberGUIDs(ctx, guid, e)
}

func (c *changing) Search(ctx context.Context, q directory.Query) ([]*directory.Principal, error) {
	return c.Load().Search(ctx, q)
}

func (c *changing) Authenticate(ctx context.Context, login, password string) (*directory.Principal, error) {
	return c.Load().Authenticate(ctx, login, password)
}

// A staff is the records of a directory that changes: nine people, of whom bob is ann's
// assistant, two rooms, and the group of three people.
type staff struct {
	records []directory.Record
	dir     changing
	renamed int // how often
}

// The records by their number.
const (
	firstRoom = 9
	theGroup  = 11
)

func newStaff(t testing.TB) *staff {
	s := &staff{}
	for _, name := range []string{"ann", "bob", "cy", "dan", "eve", "fay", "gil", "hal", "boss"} {
		s.add(directory.User, name, name+"@example.com", name+".alias@example.com")
	}
	for _, name := range []string{"oak", "elm"} {
		s.add(directory.Location, name, name+"@example.com")
	}
	s.add(directory.Group, "team", "team@example.com")
	for i := range 3 {
		s.records[theGroup].Members = append(s.records[theGroup].Members, directory.Key{By: directory.GUID, Value: s.records[i+2].GUID})
	}
	s.publish(t)
	return s
}

func (s *staff) add(typ directory.Type, name string, mail ...string) {
	s.records = append(s.records, directory.Record{Principal: directory.Principal{
		GUID: guid(name), Type: typ, Name: name, FullName: "The " + name, Emails: mail, CalendarEnabled: typ != directory.Group, LoginEnabled: typ == directory.User,
	}})
}

// publish makes the directory what the records say.
func (s *staff) publish(t testing.TB) {
	t.Helper()
	records := make([]directory.Record, len(s.records))
	for i, r := range s.records {
		r.Emails = slices.Clone(r.Emails)
		records[i] = r
	}
	d, err := directory.NewStatic(records)
	if err != nil {
		t.Fatal(err)
	}
	s.dir.Store(d)
}

// caller is a signed-in person.
func (s *staff) caller(t testing.TB, n int) *auth.Caller {
	t.Helper()
	ctx := context.Background()
	p, err := s.dir.Lookup(ctx, directory.Key{By: directory.GUID, Value: s.records[n].GUID})
	if err != nil {
		t.Fatal(err)
	}
	groups, err := s.dir.Groups(ctx, p.GUID)
	if err != nil {
		t.Fatal(err)
	}
	return &auth.Caller{Principal: p, Groups: groups, Scheme: "basic", Login: p.Name}
}

// whose is the number of the record that an address names today; -1: of none.
func (s *staff) whose(address string) int {
	lower := strings.ToLower(address)
	return slices.IndexFunc(s.records, func(r directory.Record) bool {
		mail, isMail := strings.CutPrefix(lower, "mailto:")
		return isMail && slices.Contains(r.Emails, mail) || strings.Contains(lower, strings.ToLower(r.GUID)) ||
			strings.HasSuffix(strings.TrimSuffix(lower, "/"), "/users/"+r.Name)
	})
}

// rename changes how the directory names somebody: nobody is another for it.
func (k *talk) rename() string {
	n := k.r.IntN(firstRoom)
	p := &k.staff.records[n]
	k.staff.renamed++
	var what string
	switch k.r.IntN(5) {
	case 0:
		p.Emails = []string{fmt.Sprintf("%s.%d@example.com", k.name(n), k.staff.renamed), p.Emails[0]}
		what = "has the new address " + p.Emails[0] + " and keeps " + p.Emails[1]
	case 1:
		left := p.Emails
		p.Emails = []string{fmt.Sprintf("%s.%d@example.com", k.name(n), k.staff.renamed)}
		what = fmt.Sprintf("has the address %s in the place of %s", p.Emails[0], left)
	case 2:
		other := &k.staff.records[k.r.IntN(firstRoom)]
		if other == p {
			return ""
		}
		given := p.Emails[0]
		p.Emails = []string{fmt.Sprintf("%s.%d@example.com", k.name(n), k.staff.renamed)}
		other.Emails = append([]string{given}, other.Emails...)
		what = fmt.Sprintf("has the address %s, and %s goes to %s", p.Emails[0], given, k.name(slices.IndexFunc(k.staff.records, func(r directory.Record) bool { return r.GUID == other.GUID })))
	case 3:
		p.Name = fmt.Sprintf("%s%d", k.name(n), k.staff.renamed)
		what = "signs in as " + p.Name
	default:
		p.FullName = fmt.Sprintf("The %s, %d.", k.name(n), k.staff.renamed)
		what = "is called " + p.FullName
	}
	k.staff.publish(k.t)
	return fmt.Sprintf("%s %s", k.name(n), what)
}
