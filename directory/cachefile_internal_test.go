package directory

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestPrincipalCodec: every field survives, also one added later.
func TestPrincipalCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &Principal{}
		v := reflect.ValueOf(p).Elem()
		texts := rapid.SliceOfN(rapid.String(), 1, 3)
		for i := range v.NumField() {
			switch f := v.Field(i).Addr().Interface().(type) {
			case *string:
				*f = rapid.String().Draw(t, "text")
			case *[]string:
				*f = texts.Draw(t, "list")
			case *bool:
				*f = rapid.Bool().Draw(t, "flag")
			case *int:
				*f = rapid.Int().Draw(t, "number")
			case *Type:
				*f = Type(rapid.IntRange(1, 4).Draw(t, "type"))
			case *Account:
				for _, at := range accountTimes(f) {
					if s := rapid.Int64Range(-1, 1<<36).Draw(t, "time"); s >= 0 {
						*at = time.Unix(s, 0).UTC()
					}
				}
				f.MustChange, f.Hours = rapid.Bool().Draw(t, "must change"), rapid.String().Draw(t, "hours")
			case *map[string][]string:
				*f = rapid.MapOfN(rapid.String(), texts, 1, 3).Draw(t, "map")
			case *map[string]string:
				*f = rapid.MapOfN(rapid.String(), rapid.String(), 1, 3).Draw(t, "settings")
			default:
				t.Fatalf("field %s is not written to the file", v.Type().Field(i).Name)
			}
		}
		d := decoder{rest: string(appendPrincipal(nil, p))}
		if got := d.principal(); d.bad || d.rest != "" || !cmp.Equal(got, p) {
			t.Fatal(cmp.Diff(p, got))
		}
	})
}

// FuzzCacheFile: a file that somebody has changed is used or not, no more.
func FuzzCacheFile(f *testing.F) {
	p := &Principal{GUID: "A", Type: User, Name: "alice", Emails: []string{"a@x"}, Attributes: map[string][]string{"a": {"b"}}}
	f.Add(string(appendPrincipal([]byte{kindPrincipal, 2}, p)))
	f.Add("\x03\x02\x01a\xff\xff\xff\xff\x0f")
	f.Fuzz(func(t *testing.T, s string) {
		c := NewCache(nil, CacheOptions{Size: 64})
		_ = c.restore(&decoder{rest: s}) // bad or not, it must return
	})
}
