package appointed_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"convene/delegation"
	"convene/delegation/appointed"
	"convene/directory"
)

func record(typ directory.Type, name string) directory.Principal {
	return directory.Principal{GUID: "guid-" + name, Type: typ, Name: name, FullName: name, DN: "cn=" + name + ",dc=example",
		Emails: []string{name + "@example.com"}, CalendarEnabled: true}
}

// failing is a directory that can be away.
type failing struct {
	directory.Directory
	err error
}

func (f *failing) Search(ctx context.Context, q directory.Query) ([]*directory.Principal, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.Directory.Search(ctx, q)
}

func newDirectory(t *testing.T) *failing {
	t.Helper()
	room, van, ann := record(directory.Location, "oak"), record(directory.Resource, "van"), record(directory.User, "ann")
	room.Owners = []string{"guid-ann", "nobody"}
	room.WriteDelegates = []string{"bob@example.com", "staff", "guid-van"}
	room.ReadDelegates = []string{"/principals/groups/staff/"}
	van.ReadDelegates = []string{"bob"}
	ann.WriteDelegates = []string{"bob"} // of people the directory names none
	var list []directory.Record
	for _, p := range []directory.Principal{ann, record(directory.User, "bob"), record(directory.Group, "staff"), room, van} {
		list = append(list, directory.Record{Principal: p})
	}
	d, err := directory.NewStatic(list)
	if err != nil {
		t.Fatal(err)
	}
	return &failing{Directory: d}
}

func texts(list []delegation.Record) (out []string) {
	for _, r := range list {
		out = append(out, fmt.Sprintf("%s %s %v %s manage=%v approve=%v", r.Delegator, r.Delegate, r.Level, r.Attribute, r.Manage, r.Approve))
	}
	slices.Sort(out)
	return out
}

// References are found by GUID, address, path and name; what leads nowhere, or to what
// cannot be a delegate, is told apart.
func TestList(t *testing.T) {
	ctx, d := context.Background(), newDirectory(t)
	l := appointed.NewList(d)
	d.err = directory.ErrUnavailable
	if _, err := l.All(ctx); !errors.Is(err, directory.ErrUnavailable) {
		t.Fatalf("%v while the directory is away", err)
	}
	d.err = nil
	got, err := l.All(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"guid-oak guid-ann write owners manage=true approve=true",
		"guid-oak guid-bob write write-delegates manage=false approve=true",
		"guid-oak guid-staff read read-delegates manage=false approve=true",
		"guid-oak guid-staff write write-delegates manage=false approve=true",
		"guid-van guid-bob read read-delegates manage=false approve=true",
	}
	if !slices.Equal(texts(got), want) {
		t.Errorf("got %q\nwant %q", texts(got), want)
	}
	strays, err := l.Strays(ctx)
	if wanted := []appointed.Stray{{"guid-oak", "owners", "nobody"}, {"guid-oak", "write-delegates", "guid-van"}}; err != nil || !slices.Equal(strays, wanted) {
		t.Errorf("strays %v, %v", strays, err)
	}
	d.err = directory.ErrUnavailable
	if err := l.Refresh(ctx); !errors.Is(err, directory.ErrUnavailable) {
		t.Errorf("Refresh: %v", err)
	}
	if again, err := l.All(ctx); err != nil || len(again) != len(got) {
		t.Errorf("%d records, %v while the directory is away", len(again), err)
	}
}
