package tzdist

// leapDays are the days that began with another difference of TAI and UTC than
// the one before, and leapBase is the seconds that the first of them began with.
// Each later one added a second.
//
// The Earth Rotation Service announces them half a year ahead; leapVersion is
// the last of its bulletins that is in the table, and leapExpires the day until
// which it speaks. Later than that the table may lack a second, and clients see
// that from the day.
var leapDays = [...]string{
	"1972-01-01", "1972-07-01", "1973-01-01", "1974-01-01", "1975-01-01", "1976-01-01", "1977-01-01",
	"1978-01-01", "1979-01-01", "1980-01-01", "1981-07-01", "1982-07-01", "1983-07-01", "1985-07-01",
	"1988-01-01", "1990-01-01", "1991-01-01", "1992-07-01", "1993-07-01", "1994-07-01", "1996-01-01",
	"1997-07-01", "1999-01-01", "2006-01-01", "2009-01-01", "2012-07-01", "2015-07-01", "2017-01-01",
}

const (
	leapBase      = 10
	leapPublisher = "IERS"
	leapVersion   = "Bulletin C 70"
	leapExpires   = "2026-06-28"
)

// The members of the response to leapseconds (RFC 7808 §6.4).
type (
	leapTable struct {
		Expires     string       `json:"expires"`
		Publisher   string       `json:"publisher"`
		Version     string       `json:"version"`
		LeapSeconds []leapSecond `json:"leapseconds"`
	}
	leapSecond struct {
		Offset int    `json:"utc-offset"`
		Onset  string `json:"onset"`
	}
)

func leapSecondsResponse() *response {
	doc := leapTable{Expires: leapExpires, Publisher: leapPublisher, Version: leapVersion}
	for i, day := range leapDays {
		doc.LeapSeconds = append(doc.LeapSeconds, leapSecond{leapBase + i, day})
	}
	return jsonResponse(doc)
}

// getLeapSeconds serves leapseconds (RFC 7808 §5.6).
func (s *service) getLeapSeconds(*query) (*response, error) { return s.leapSeconds, nil }
