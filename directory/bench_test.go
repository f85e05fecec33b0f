package directory_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/directory"
	"convene/testenv"
)

// many returns n users and groups of 100 of them, below dc=example,dc=com.
func many(n int) string {
	var b strings.Builder
	for _, ou := range []string{"people", "groups"} {
		fmt.Fprintf(&b, "dn: ou=%s,%s\nobjectClass: organizationalUnit\nou: %s\n\n", ou, base, ou)
	}
	for i := range n {
		fmt.Fprintf(&b, "dn: uid=u%06[1]d,ou=people,%[2]s\nobjectClass: inetOrgPerson\nuid: u%06[1]d\ncn: Given%[3]d Surname%[4]d\n"+
			"sn: Surname%[4]d\ngivenName: Given%[3]d\nmail: u%06[1]d@example.com\nuserPassword: pw%[1]d\n\n", i, base, i%311, i%977)
	}
	for g := range n / 100 {
		fmt.Fprintf(&b, "dn: cn=g%05d,ou=groups,%s\nobjectClass: groupOfNames\ncn: g%05d\n", g, base, g)
		for i := range 100 {
			fmt.Fprintf(&b, "member: uid=u%06d,ou=people,%s\n", g*100+i, base)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func BenchmarkCacheHit(b *testing.B) {
	d := newSwitchable(b)
	c := directory.NewCache(d, directory.CacheOptions{})
	p, err := c.Lookup(b.Context(), key("alice"))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("guid", func(b *testing.B) {
		b.ReportAllocs()
		k := directory.Key{By: directory.GUID, Value: p.GUID}
		for b.Loop() {
			if _, err := c.Lookup(b.Context(), k); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("address", func(b *testing.B) {
		b.ReportAllocs()
		k := directory.Key{By: directory.Address, Value: "mailto:alice@example.com"}
		for b.Loop() {
			if _, err := c.Lookup(b.Context(), k); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		k := directory.Key{By: directory.GUID, Value: p.GUID}
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := c.Lookup(b.Context(), k); err != nil {
					b.Fail()
				}
			}
		})
	})
	b.Run("groups", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Groups(b.Context(), p.GUID); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkLDAP asks a slapd with 100,000 users.
func BenchmarkLDAP(b *testing.B) {
	const n = 100_000
	s := testenv.OpenLDAP(b, testenv.LDAPOptions{LDIF: many(n)})
	c := openLDAP(s)
	c.Users, c.Groups = directory.RecordConfig{}, directory.RecordConfig{}
	d := open(b, c)
	i := 0
	name := func() string { i += 7919; return fmt.Sprintf("u%06d", i%n) }
	b.Run("lookup by name", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Lookup(b.Context(), directory.Key{By: directory.Name, Type: directory.User, Value: name()}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("lookup by mail in all types", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Lookup(b.Context(), directory.Key{By: directory.Address, Value: "mailto:" + name() + "@example.com"}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("groups", func(b *testing.B) {
		p := find(b, d, key("u000777"))
		for b.Loop() {
			if _, err := d.Groups(b.Context(), p.GUID); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("members of 100", func(b *testing.B) {
		p := find(b, d, key("g00007"))
		for b.Loop() {
			if _, err := d.Members(b.Context(), p.GUID, directory.Nested); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("authenticate", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Authenticate(b.Context(), "u000777", "pw777"); err != nil {
				b.Fatal(err)
			}
		}
	})
	searches(b, d)
}

// searches measures people searches as clients type them: the 99th percentile
// is what counts.
func searches(b *testing.B, d directory.Directory) {
	for _, tt := range []struct {
		name string
		how  directory.How
		term func(i int) string
	}{
		{"starts-with", directory.StartsWith, func(i int) string { return fmt.Sprintf("given%d s", i%311) }},
		{"contains", directory.Contains, func(i int) string { return fmt.Sprintf("name%d", i%977) }},
	} {
		b.Run("search "+tt.name, func(b *testing.B) {
			var took []time.Duration
			i := 0
			for b.Loop() {
				i++
				start := time.Now()
				_, err := d.Search(b.Context(), directory.Query{Limit: 50, Terms: []directory.Term{{Value: tt.term(i), How: tt.how}}})
				if err != nil && !errIs(err, directory.ErrTooMany) {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// BenchmarkFile asks an LDIF file with 100,000 users.
func BenchmarkFile(b *testing.B) {
	file := testenv.WriteFile(b, filepath.Join(b.TempDir(), "people.ldif"), many(100_000))
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			if _, err := directory.OpenFile(directory.FileConfig{File: file}, directory.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	d, err := directory.OpenFile(directory.FileConfig{File: file}, directory.Options{})
	if err != nil {
		b.Fatal(err)
	}
	searches(b, d)
}

// BenchmarkCacheFile saves and loads what is known of 100,000 users.
func BenchmarkCacheFile(b *testing.B) {
	var records []directory.Record
	for i := range 100_000 {
		name := fmt.Sprintf("u%06d", i)
		records = append(records, directory.Record{Principal: directory.Principal{Type: directory.User, Name: name, FullName: "Given Surname " + name,
			GivenName: "Given", Surname: "Surname", Emails: []string{name + "@example.com"}, DN: "uid=" + name + ",ou=people," + base, CalendarEnabled: true, LoginEnabled: true}})
	}
	d, err := directory.NewStatic(records)
	if err != nil {
		b.Fatal(err)
	}
	o := directory.CacheOptions{File: filepath.Join(b.TempDir(), "cache"), Size: 250_000}
	c := directory.NewCache(d, o)
	for _, r := range records {
		p, err := c.Lookup(b.Context(), key(r.Name))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.Groups(b.Context(), p.GUID); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("save", func(b *testing.B) {
		for b.Loop() {
			if err := c.Save(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			if s := directory.NewCache(d, o).Stats(); s.Principals < 200_000 {
				b.Fatalf("%+v", s)
			}
		}
	})
}
