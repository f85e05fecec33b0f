package auth_test

import (
	"testing"
	"time"

	"convene/auth"
	"convene/directory"
	"convene/testenv"
)

func benchSite(b *testing.B, scheme string) *site {
	cached := directory.NewCache(newPeople(b).Static, directory.CacheOptions{})
	return openSite(b, func(o *auth.Options) {
		o.Schemes, o.Directory, o.Now = []string{scheme}, cached, time.Now
		o.Negotiate.Keytab = keytabFile(b)
	})
}

func BenchmarkBasicCached(b *testing.B) {
	s := benchSite(b, "basic")
	r := request(alice)
	for b.Loop() {
		if c, out := s.Authenticate(r); c == nil {
			b.Fatal(out.Err)
		}
	}
}

func BenchmarkChallenge(b *testing.B) {
	for _, scheme := range []string{"basic", "digest", "negotiate"} {
		b.Run(scheme, func(b *testing.B) {
			s := benchSite(b, scheme)
			r := request("")
			for b.Loop() {
				s.Authenticate(r)
			}
		})
	}
}

func BenchmarkDigest(b *testing.B) {
	for _, sha := range []bool{false, true} {
		b.Run(map[bool]string{false: "MD5", true: "SHA-256"}[sha], func(b *testing.B) {
			s := benchSite(b, "digest")
			c := aliceDigest()
			c.sha256 = sha
			_, _, out := s.try("")
			c.learn(out)
			prepared(b, s, func() string { return c.field("PROPFIND", "/calendars/") })
		})
	}
}

// asked is a directory whose secrets are to be remembered.
type asked struct{ *directory.Static }

func (asked) AsksServer() bool { return true }

// With secrets of a directory server, once they are remembered.
func BenchmarkDigestServer(b *testing.B) {
	s := digestSite(b, func(o *auth.Options) {
		o.Directory, o.Now = directory.NewCache(asked{newPeople(b).Static}, directory.CacheOptions{}), time.Now
	})
	c := aliceDigest()
	_, _, out := s.try("")
	c.learn(out)
	prepared(b, s, func() string { return c.field("PROPFIND", "/calendars/") })
}

// prepared measures requests whose fields were made beforehand, a thousand at
// a time.
func prepared(b *testing.B, s *site, field func() string) {
	r := request("")
	var fields []string
	for b.Loop() {
		if len(fields) == 0 {
			b.StopTimer()
			for range 1000 {
				fields = append(fields, field())
			}
			b.StartTimer()
		}
		r.Header["Authorization"] = fields[:1]
		fields = fields[1:]
		if c, out := s.Authenticate(r); c == nil {
			b.Fatal(out.Err)
		}
	}
}

func BenchmarkNegotiate(b *testing.B) {
	s := benchSite(b, "negotiate")
	keys := keytab(b)
	prepared(b, s, func() string {
		return negotiateField(testenv.Mint(b, keys, testenv.TicketOptions{Flags: testenv.FlagMutual}).Token)
	})
}
