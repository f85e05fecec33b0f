package discover

import (
	"testing"

	"pgregory.net/rapid"
)

// A domain controller's answer, with compressed names; and nothing that anybody sends
// does harm.
func TestParsePing(t *testing.T) {
	b := append([]byte{23, 0, 0, 0}, make([]byte, 20)...)
	b = append(b, "\x02ad\x07example\x03com\x00"...) // forest, at 24
	b = append(b, 0xc0, 24)                          // domain
	b = append(b, "\x03dc1\xc0\x18"...)              // host
	b = append(b, "\x02AD\x00\x03DC1\x00\x00"...)    // domain, controller, user
	b = append(b, "\x05Site1\x00\x05Site2\x00"...)
	p, err := parsePing(b)
	if want := (Ping{"ad.example.com", "ad.example.com", "dc1.ad.example.com", "AD", "Site1", "Site2"}); err != nil || *p != want {
		t.Fatalf("%+v, %v", p, err)
	}
	for i := range b {
		if _, err := parsePing(b[:i]); err == nil {
			t.Errorf("%d bytes are enough", i)
		}
	}
	loop := append(append([]byte{}, b[:24]...), 0xc0, 24)
	if _, err := parsePing(loop); err == nil {
		t.Error("a name that is its own end")
	}
	rapid.Check(t, func(t *rapid.T) {
		junk := rapid.SliceOf(rapid.Byte()).Draw(t, "junk")
		_, _ = parsePing(append(append([]byte{}, b[:24]...), junk...)) // no panic
	})
}
