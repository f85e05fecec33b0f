package tzdist

import "encoding/json"

// The error codes of RFC 7808 §10.4, without the prefix of their URN.
const (
	invalidAction       = "invalid-action"
	invalidChangedSince = "invalid-changedsince"
	tzidNotFound        = "tzid-not-found"
	invalidFormat       = "invalid-format"
	invalidStart        = "invalid-start"
	invalidEnd          = "invalid-end"
	invalidPattern      = "invalid-pattern"
)

// A problem is why a request is refused.
type problem struct {
	status int
	code   string
	title  string // a sentence for people, in English
}

func (p *problem) Error() string { return p.code + ": " + p.title }

// body returns the problem details of RFC 9457, with the code by itself as well,
// as drafts had it.
func (p *problem) body() []byte {
	return encode(struct {
		Type   string `json:"type"`
		Code   string `json:"error-code"`
		Title  string `json:"title"`
		Status int    `json:"status"`
	}{"urn:ietf:params:tzdist:error:" + p.code, p.code, p.title, p.status})
}

// encode returns v as JSON. It is used for our own types only, all of which have
// a form in JSON.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("tzdist: " + err.Error())
	}
	return b
}
