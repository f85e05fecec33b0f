package page

import (
	"fmt"
	"strings"

	"convene/internal/ical"
	"convene/internal/proxied"
)

// Bytes writes a number of bytes for people: "1.5 MB", a million bytes being one MB.
func Bytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f := float64(n)
	for _, unit := range []string{"kB", "MB", "GB"} {
		if f /= 1000; f < 1000 {
			return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0") + "\u00a0" + unit
		}
	}
	return fmt.Sprintf("%.1f\u00a0TB", f/1000)
}

// Zones are the time zones that people may choose, sorted.
func Zones() []string { return ical.ZoneNames() }

// Origin is the address of this server as the reader has it: https://HOST[:PORT].
func Origin(r *Request) string {
	if r.Site.PublicURL != "" {
		return r.Site.PublicURL
	}
	if !proxied.Secure(r.Request) {
		return "http://" + r.Host
	}
	return "https://" + r.Host
}
