package delegation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

var readers = map[string]func(io.Reader) ([]Import, error){
	"json": ReadJSON, "csv": ReadCSV, "xml": ReadProxiesXML, "sql": ReadProxyDB}

func readFile(t *testing.T, name string) []Import {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list, err := readers[name[strings.LastIndexByte(name, '.')+1:]](f)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func summary(list []Import) (out []string) {
	for _, im := range list {
		s := fmt.Sprintf("%s: %s %s %v", im.Where, im.Delegator, im.Delegate, im.Level)
		if im.Limits != nil {
			s += (&Record{Limits: *im.Limits}).describe()[len("id 0 none"):]
		}
		out = append(out, s)
	}
	return out
}

func TestFormats(t *testing.T) {
	for name, want := range map[string][]string{
		"proxies.xml": {"record 1: neptune ann write", "record 1: neptune g1 read",
			"record 2: room01 user1 write", "record 2: room02 user2 write", "record 2: room03 user3 write",
			"record 2: room01 bob write", "record 2: room02 bob write", "record 2: room03 bob write"},
		"proxydb.sql": {"line 11: ann bob write", "line 12: ann O'Neill read", "line 13: neptune g1 write"},
		"delegates.csv": {`line 3: ann bob write no-schedule private until 2026-12-31T00:00:00Z note "maternity leave, Bob"`,
			"line 4: ann g1 read", "line 5: neptune cy write until 2026-12-31T12:00:00+01:00"},
	} {
		if got := summary(readFile(t, name)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%s", name, strings.Join(got, "\n"))
		}
	}
}

func TestBadFormats(t *testing.T) {
	for _, tt := range []struct{ format, text string }{
		{"csv", "ann,bob"}, {"csv", "ann,bob,owner"}, {"csv", "ann,,read"}, {"csv", "ann,\"bob,read"},
		{"csv", "delegator,delegate\nann,bob"}, {"csv", "delegator,delegate,level,level\n"}, {"csv", "delegator,delegate,level,color\n"},
		{"csv", "delegator,delegate,level,until\nann,bob,read,soon"}, {"csv", "delegator,delegate,level,private\nann,bob,read,perhaps"},
		{"json", "{}"}, {"json", "[] []"}, {"json", `[{"delegator":"ann","color":1}]`}, {"json", `[{"level":"owner"}]`}, {"json", "["},
		{"xml", "<proxies>"}, {"xml", "<accounts/>"}, {"xml", "<proxies><record/></proxies>"},
		{"xml", `<proxies><record repeat="0"><guid>a</guid></record></proxies>`},
		{"xml", `<proxies><record repeat="999999999"><guid>a%d</guid><proxies><member>b</member></proxies></record></proxies>`},
		{"xml", `<proxies><record><guid>a</guid><proxies><member> </member></proxies></record></proxies>`},
		{"sql", ""}, {"sql", "SQLite format 3\x00"}, {"sql", "INSERT INTO GROUPS VALUES('ann#calendar-proxy-write');"},
		{"sql", "INSERT INTO GROUPS VALUES('ann#owners','bob');"}, {"sql", "INSERT INTO GROUPS VALUES('ann#calendar-proxy-write',NULL);"},
		{"sql", "INSERT INTO GROUPS VALUES('ann#calendar-proxy-write','bob);"}, {"sql", "INSERT INTO GROUPS VALUES('#calendar-proxy-write','bob');"},
	} {
		if list, err := readers[tt.format](strings.NewReader(tt.text)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s %q: %v, %v", tt.format, tt.text, list, err)
		}
	}
}

func resolve(name string) (Principal, bool, error) {
	if name == "down" {
		return Principal{}, false, errDown
	}
	return principal(name), name != "O'Neill" && name != "gone", nil
}

var errDown = errors.New("directory is down")

func TestLoad(t *testing.T) {
	ctx := context.Background()
	e := newEnv(t)
	o := LoadOptions{Resolve: resolve}
	load := func(list []Import, o LoadOptions, want LoadReport, wantErr error) {
		t.Helper()
		generation := e.State().Mark.Generation
		got, err := e.Load(ctx, admin, list, o)
		if !errors.Is(err, wantErr) || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v; want %+v, %v", got, err, want, wantErr)
		}
		commits := e.State().Mark.Generation - generation
		if wrote := want.Added+want.Changed+want.Removed > 0 && err == nil && !o.DryRun; wrote != (commits == 1) || commits > 1 {
			t.Errorf("%d commits", commits)
		}
	}
	csv := readFile(t, "delegates.csv")
	dry := o
	dry.DryRun = true
	load(csv, dry, LoadReport{Read: 3, Added: 3}, nil)
	load(csv, o, LoadReport{Read: 3, Added: 3}, nil)
	load(csv, o, LoadReport{Read: 3, Unchanged: 3}, nil)

	sql := readFile(t, "proxydb.sql")
	load(sql, o, LoadReport{Read: 3, Added: 1, Unchanged: 1, Unknown: []string{"line 12: O'Neill"}}, ErrUnknownPrincipal)
	if l := e.read().Records("neptune"); len(l) != 1 {
		t.Error("half of it was done:", l)
	}
	skip := o
	skip.SkipUnknown = true
	load(sql, skip, LoadReport{Read: 3, Added: 1, Unchanged: 1, Unknown: []string{"line 12: O'Neill"}}, nil)
	if r := e.read().find("ann", "bob").record; !r.SeePrivate || r.Until.IsZero() {
		t.Error("limits are lost:", r.describe())
	}
	replace := o
	replace.Replace = true
	load([]Import{{"1", "ann", "bob", LevelRead, nil}}, replace, LoadReport{Read: 1, Changed: 1, Removed: 1}, nil)
	if l := e.read().Records("neptune"); len(l) != 2 {
		t.Error("another's were removed:", l)
	}
	load([]Import{{"1", "dan", "ann", LevelRead, nil}, {"2", "dan", "neptune", LevelRead, nil}, {"3", "dan", "ann", LevelWrite, nil}}, o,
		LoadReport{Read: 3, Added: 1, Invalid: []string{"2: " + ErrRoomDelegate.Error(), "3: the delegation is there twice"}}, ErrInvalid)
	load([]Import{{"1", "down", "ann", LevelRead, nil}}, o, LoadReport{Read: 1}, errDown)
	_, err := e.Load(ctx, author("ann"), csv, o)
	wantError(t, "by somebody", err, ErrDenied)

	// What is written as JSON is read as what it was.
	var b bytes.Buffer
	if err := WriteJSON(&b, e.read().Records("")); err != nil {
		t.Fatal(err)
	}
	list, err := ReadJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	load(list, replace, LoadReport{Read: 4 - 1, Unchanged: 3}, nil)
	if err := e.Verify(ctx); err != nil {
		t.Error(err)
	}
}

// A large file is one transaction, and a start with it proves it all.
func TestLoadMany(t *testing.T) {
	const many = 15_000
	e := newEnv(t)
	var list []Import
	for i := range many {
		list = append(list, Import{Where: "x", Delegator: fmt.Sprint("d", i/300), Delegate: fmt.Sprint("e", i%300), Level: LevelWrite})
	}
	r, err := e.Load(context.Background(), admin, list, LoadOptions{Resolve: resolve})
	if err != nil || r.Added != many {
		t.Fatal(r, err)
	}
	e.restart(func() {})
	if s := e.State(); s.Condition != Good || s.Records != many || s.Mark.Generation != 2 {
		t.Error(s)
	}
	if l := e.read().Delegators(Caller{GUID: "e7"}, nil, e.now); len(l) != many/300 {
		t.Error(len(l))
	}
}

func FuzzProxiesXML(f *testing.F) { fuzzFormat(f, "proxies.xml", ReadProxiesXML) }

func FuzzProxyDB(f *testing.F) { fuzzFormat(f, "proxydb.sql", ReadProxyDB) }

func FuzzCSV(f *testing.F) { fuzzFormat(f, "delegates.csv", ReadCSV) }

// fuzzFormat: what is read is complete, what is not is ErrInvalid.
func fuzzFormat(f *testing.F, sample string, read func(io.Reader) ([]Import, error)) {
	b, err := os.ReadFile("testdata/" + sample)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := read(bytes.NewReader(b))
		if err != nil && !errors.Is(err, ErrInvalid) {
			t.Fatal(err)
		}
		for _, im := range list {
			if im.Delegator == "" || im.Delegate == "" || im.Where == "" || im.Level != LevelRead && im.Level != LevelWrite {
				t.Fatalf("%+v", im)
			}
		}
	})
}

// FuzzRecord: what can be decoded is encoded as it was, and nothing else is taken.
func FuzzRecord(f *testing.F) {
	r := &Record{ID: 300, Delegator: "ann", Delegate: "bob", Kind: User, Level: LevelWrite, Limits: PlainLimits(Location),
		CreatedBy: "ann", CreatedAt: noon, Via: "client"}
	r.Until, r.Scope = noon, Scope{Collections: []uint32{1, 1 << 31}}
	f.Add((&item{record: r}).encode())
	x := &StandIn{ID: 1, Delegate: "bob", StandIn: "cy", From: noon, Until: noon.Add(time.Hour), For: []string{"ann"}, Administrator: true}
	f.Add((&item{standIn: x}).encode())
	f.Add((&fileState{Bound: "x", Generation: 9}).encode())
	f.Add((&entry{Seq: 1, Actor: "ann", Before: []byte("x")}).encode())
	f.Fuzz(func(t *testing.T, raw []byte) {
		// With and without right checksums, so that the fields are reached.
		for _, b := range [][]byte{raw, seal(bytes.Clone(raw)), seal(bytes.Clone(raw[:max(0, len(raw)-sumSize)]))} {
			if it, err := decodeItem(b); err == nil && !bytes.Equal(it.encode(), b) {
				t.Fatalf("%x becomes %x", b, it.encode())
			}
			if st, err := decodeState(b); err == nil && len(st.encode()) > len(b) {
				t.Fatalf("%x becomes %x", b, st.encode())
			}
		}
		if n, err := decodeEntry(raw); err == nil {
			if _, err := decodeEntry(n.encode()); err != nil {
				t.Fatal(err)
			}
			if ev, err := n.event(); err == nil && strings.ContainsAny(ev.Line(), "\n\r") {
				t.Fatalf("%q is no line", ev.Line())
			}
		}
	})
}
