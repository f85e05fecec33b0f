package caldav_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"convene/caldav"
	"convene/delegation"
	"convene/directory"
	"convene/internal/engine/enginetest"
)

// Somebody sees that they act for another exactly if that one's groups have them; and
// may read then, and change if it is the group of those who write.
func TestDelegatesBothWays(t *testing.T) {
	e := newCompany(t)
	e.must(200, "bob", "GET", "/calendars/users/bob/calendar/", "")
	people, delegates := []string{"ann", "bob", "cy", "dan"}, []string{"ann", "bob", "cy", "dan", "g1", "g3", "gx"}
	kinds := map[string]delegation.Kind{"g1": delegation.Group, "g3": delegation.Group, "gx": delegation.Group}
	for _, p := range people {
		e.must(200, p, "GET", "/calendars/users/"+p+"/calendar/", "")
	}
	rapid.Check(t, func(rt *rapid.T) {
		for _, p := range people {
			var level delegation.Level
			for level = delegation.LevelRead; level <= delegation.LevelWrite; level++ {
				var list []delegation.Principal
				for _, d := range rapid.SliceOfNDistinct(rapid.SampledFrom(delegates), 0, 2, rapid.ID).Draw(rt, p) {
					if d == p {
						continue
					}
					k := kinds[d]
					if k == 0 {
						k = delegation.User
					}
					list = append(list, delegation.Principal{GUID: guid(d), Kind: k, Calendars: true})
				}
				target := delegation.Target{Principal: delegation.Principal{GUID: guid(p), Kind: delegation.User, Calendars: true}}
				if _, err := e.book.ReplaceMembers(context.Background(), administrator, target, level, list); err != nil {
					rt.Fatal(err)
				}
			}
		}
		for _, of := range people {
			readers := e.hrefsOf(of, "/principals/users/"+of+"/calendar-proxy-read/", expandedSet)
			writers := e.hrefsOf(of, "/principals/users/"+of+"/calendar-proxy-write/", expandedSet)
			for _, who := range people {
				if who == of {
					continue
				}
				reads, writes := slices.Contains(readers, who), slices.Contains(writers, who)
				if slices.Contains(e.hrefsOf(who, "/principals/users/"+who+"/", readFor), of) != reads || slices.Contains(e.hrefsOf(who, "/principals/users/"+who+"/", writeFor), of) != writes {
					rt.Fatalf("%s for %s: reads %v, writes %v by the groups, not so by the properties", who, of, reads, writes)
				}
				home := "/calendars/users/" + of + "/"
				if got := e.do(who, "GET", home+"calendar/", "").Status == 200; got != (reads || writes) {
					rt.Fatalf("%s reads %s: %v", who, of, got)
				}
				if got := strings.Contains(e.do(who, "PROPPATCH", home+"calendar/", patchOf("x", "D:displayname")).Body, " 200 "); got != writes {
					rt.Fatalf("%s writes to %s: %v", who, of, got)
				}
			}
		}
	})
}

// failing is a directory of which one call fails.
type failing struct {
	directory.Directory
	at, calls int
}

func (d *failing) fails() error {
	if d.calls++; d.calls == d.at {
		return directory.ErrUnavailable
	}
	return nil
}

func (d *failing) Lookup(ctx context.Context, key directory.Key) (*directory.Principal, error) {
	if err := d.fails(); err != nil {
		return nil, err
	}
	return d.Directory.Lookup(ctx, key)
}

func (d *failing) Groups(ctx context.Context, guid string) ([]string, error) {
	if err := d.fails(); err != nil {
		return nil, err
	}
	return d.Directory.Groups(ctx, guid)
}

func (d *failing) Members(ctx context.Context, guid string, e directory.Expansion) ([]*directory.Principal, error) {
	if err := d.fails(); err != nil {
		return nil, err
	}
	return d.Directory.Members(ctx, guid, e)
}

func (d *failing) MemberGUIDs(ctx context.Context, guid string, e directory.Expansion) ([]string, error) {
	if err := d.fails(); err != nil {
		return nil, err
	}
	return d.Directory.MemberGUIDs(ctx, guid, e)
}

func (d *failing) Search(ctx context.Context, q directory.Query) ([]*directory.Principal, error) {
	if err := d.fails(); err != nil {
		return nil, err
	}
	return d.Directory.Search(ctx, q)
}

// Whichever call to the directory fails, the response is the same as without, or 503.
func TestDelegatesWhicheverCallFails(t *testing.T) {
	d := &failing{Directory: company(t)}
	e := newEnvOf(t, d, enginetest.Wrapper(t))
	e.must(201, "ann", "PUT", annEvent, event("1", "20260601T100000Z"))
	e.name(200, "ann", annWrite, "g3", "cy")
	x := delegation.StandIn{Delegate: guid("bob"), StandIn: guid("dan"), Until: e.now.AddDate(0, 0, 1)}
	if _, err := e.book.AddStandIn(context.Background(), administrator, x, nil); err != nil {
		t.Fatal(err)
	}
	const all = `<D:propfind xmlns:D="DAV:" xmlns:CS="http://calendarserver.org/ns/"><D:prop><D:group-member-set/><CS:expanded-group-member-set/><D:group-membership/><CS:calendar-proxy-write-for/><CS:calendar-proxy-read-for/></D:prop></D:propfind>`
	for name, c := range map[string]struct{ user, method, path, body string }{
		"through a group":      {"bob", "GET", annEvent, ""},
		"as a stand-in":        {"dan", "GET", annEvent, ""},
		"nobody":               {"auditor", "PUT", annEvent, event("1", "20260601T100000Z")},
		"the room's owner":     {"bob", "PROPFIND", "/calendars/locations/neptune/calendar/", ""},
		"groups of delegates":  {"ann", "PROPFIND", annWrite, all},
		"for whom":             {"dan", "PROPFIND", "/principals/users/dan/", all},
		"for whom, of another": {"ann", "PROPFIND", "/principals/users/bob/", all},
		"a change":             {"ann", "PROPPATCH", annWrite, members("g3", "cy")},
	} {
		t.Run(name, func(t *testing.T) {
			caller := e.caller(c.user)
			do := func(at int) answer {
				e.handle(caldav.DefaultLimits()) // so that the list of rooms is read again
				d.at, d.calls = at, 0
				return e.as(caller, c.method, c.path, c.body, "Depth: 0")
			}
			want := do(0)
			calls := d.calls
			if calls == 0 {
				t.Fatal("the directory is not asked")
			}
			for at := 1; at <= calls; at++ {
				if got := do(at); got.Status != 503 && (got.Status != want.Status || got.Body != want.Body) {
					t.Errorf("call %d of %d failed: %d\n%s\nwithout: %d\n%s", at, calls, got.Status, got.Body, want.Status, want.Body)
				}
			}
		})
	}
}
