package tzdist

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"convene/internal/ical"
)

// publisher is who maintains the data.
const publisher = "IANA"

// lastModified returns when a release of the database came out, as RFC 3339 has
// it. Of one that is not here the year is known, from its name.
func lastModified(release string) string {
	switch release {
	case "2025c":
		return "2025-12-10T00:00:00Z"
	}
	year := strings.TrimRight(release, "abcdefghijklmnopqrstuvwxyz")
	if n, err := strconv.Atoi(year); err != nil || n < 1986 || n > 9999 {
		return formatTime(0)
	}
	return year + "-01-01T00:00:00Z"
}

// nameTable returns the canonical name of each name and alias.
func nameTable() map[string]string {
	names := map[string]string{}
	for _, name := range ical.ZoneNames() {
		names[name] = name
		for _, alias := range ical.ZoneAliases(name) {
			names[alias] = name
		}
	}
	return names
}

// The members of the response to list and find (RFC 7808 §6.2). dtstamp is what
// drafts had instead of the token.
type (
	zoneList struct {
		SyncToken string `json:"synctoken"`
		DTStamp   string `json:"dtstamp"`
		Zones     []zone `json:"timezones"`
	}
	zone struct {
		TZID         string   `json:"tzid"`
		ETag         string   `json:"etag"`
		LastModified string   `json:"last-modified"`
		Publisher    string   `json:"publisher"`
		Version      string   `json:"version"`
		Aliases      []string `json:"aliases,omitempty"`

		folded []string // its name and aliases, as patterns are compared with
	}
)

// A catalogue is all zones, and the responses that are made once.
type catalogue struct {
	zones   zoneList
	all     *response // of a list of them
	changed *response // of a list without any: nothing has changed
}

func (s *service) newCatalogue() (*catalogue, error) {
	version := ical.TZDataVersion()
	c := &catalogue{zones: zoneList{DTStamp: lastModified(version)}}
	digest := sha256.New()
	for _, name := range ical.ZoneNames() {
		whole, err := s.whole(name)
		if err != nil {
			return nil, fmt.Errorf("catalogue: %w", err)
		}
		z := zone{
			TZID:         name,
			ETag:         whole.etag,
			LastModified: c.zones.DTStamp,
			Publisher:    publisher,
			Version:      version,
			Aliases:      slices.Sorted(slices.Values(ical.ZoneAliases(name))),
		}
		for _, n := range append([]string{name}, z.Aliases...) {
			z.folded = append(z.folded, fold(n))
		}
		c.zones.Zones = append(c.zones.Zones, z)
		digest.Write(encode(z))
	}
	c.zones.SyncToken = version + "-" + hex.EncodeToString(digest.Sum(nil)[:12])
	c.all = jsonResponse(c.zones)
	c.changed = jsonResponse(c.with([]zone{}))
	return c, nil
}

// with returns the list of some zones.
func (c *catalogue) with(zones []zone) zoneList {
	list := c.zones
	list.Zones = zones
	return list
}

// tag returns the entity tag of a body, without its quotes.
func tag(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:12])
}

func jsonResponse(v any) *response {
	body := encode(v)
	return &response{mediaType: "application/json", body: body, etag: tag(body)}
}
