package webdav

import (
	"slices"
	"testing"
)

// TestIf has the examples of RFC 4918 §10.4 and §7.5, and what goes wrong with
// If headers. State is a table of resources to tags and tokens.
func TestIf(t *testing.T) {
	type state map[string]struct {
		tag    ETag
		tokens []string
	}
	const token1, token2 = "urn:uuid:181d4fae-7d8c-11d0-a765-00a0c91e6bf2", "urn:uuid:58f202ac-22cf-11d1-b12d-002035b29092"
	locked := state{"/r": {`"I am an ETag"`, []string{token1}}, "/other": {`"other"`, []string{token2}}}
	for _, tt := range []struct {
		name, in string
		state    state
		want     bool
		bad      bool
	}{
		{"10.4.6 first list", `(<` + token1 + `> ["I am an ETag"]) (["I am another ETag"])`, locked, true, false},
		{"10.4.6 second list", `(<` + token1 + `> ["I am an ETag"]) (["I am another ETag"])`,
			state{"/r": {`"I am another ETag"`, nil}}, true, false},
		{"10.4.6 neither", `(<` + token1 + `> ["I am an ETag"]) (["I am another ETag"])`,
			state{"/r": {`"I am an ETag"`, nil}}, false, false},
		{"10.4.7 not", `(Not <` + token1 + `> <` + token2 + `>)`, state{"/r": {`"1"`, []string{token2}}}, true, false},
		{"10.4.7 not, locked", `(Not <` + token1 + `> <` + token2 + `>)`, state{"/r": {`"1"`, []string{token1, token2}}}, false, false},
		{"10.4.8 always true", `(<` + token1 + `>) (Not <DAV:no-lock>)`, state{"/r": {`"1"`, nil}}, true, false},
		{"10.4.8 no-lock never matches", `(<DAV:no-lock>)`, state{"/r": {`"1"`, []string{"DAV:no-lock"}}}, false, false},
		{"10.4.9 tagged", `</r> (<` + token1 + `> [W/"A weak ETag"]) (["strong ETag"])`, state{"/r": {`"strong ETag"`, nil}}, true, false},
		{"10.4.10 tagged collection", `<http://www.example.com/specs/> (<` + token1 + `>)`,
			state{"/specs/": {"", []string{token1}}}, true, false},
		{"10.4.11 matching etag", `</specs/rfc2518.doc> (["4217"])`, state{"/specs/rfc2518.doc": {`"4217"`, nil}}, true, false},
		{"10.4.11 unmapped", `</specs/rfc2518.doc> (["4217"])`, nil, false, false},
		{"10.4.11 not, unmapped", `</specs/rfc2518.doc> (Not ["4217"])`, nil, true, false},
		{"7.5.1 two resources", `<http://www.example.com/r> (<` + token1 + `>) <http://www.example.com/other> (<` + token2 + `>)`, locked, true, false},
		{"sync token (RFC 6578 §5)", `(<data:,17>)`, state{"/r": {"", []string{"data:,17"}}}, true, false},
		{"weak tags never match", `([W/"1"])`, state{"/r": {`W/"1"`, nil}}, false, false},
		{"tag with a bracket", `(["a]b"])`, state{"/r": {`"a]b"`, nil}}, true, false},
		{"tag without quotes", `([1])`, state{"/r": {`"1"`, nil}}, true, false},
		{"another server", `<http://elsewhere/r> (["I am an ETag"])`, locked, false, false},
		{"another server, not", `<http://elsewhere/r> (Not ["I am an ETag"])`, locked, true, false},
		{"no space at all", `(Not<` + token2 + `>["I am an ETag"])([x])`, locked, true, false},
		{"escaped tag", `</%72> (["I am an ETag"])`, locked, true, false},
		{"empty", ``, nil, false, true},
		{"empty list", `()`, nil, false, true},
		{"not closed", `(<a:b>`, nil, false, true},
		{"Not alone", `(Not)`, nil, false, true},
		{"tag alone", `</r>`, nil, false, true},
		{"tagged after untagged", `(<a:b>) </r> (<a:b>)`, nil, false, true},
		{"relative tag", `<r> (<a:b>)`, nil, false, true},
		{"empty token", `(<>)`, nil, false, true},
		{"tag without a closing bracket", `(["a")`, nil, false, true},
		{"litmus", `(<a:b>) foo`, nil, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := ParseIf(header("If", tt.in), "www.example.com")
			if tt.bad {
				if status(t, err) != 400 {
					t.Errorf("got %+v, %v", f, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := f.Holds("/r", func(path string) (ETag, []string) {
				s := tt.state[path]
				return s.tag, s.tokens
			})
			if got != tt.want {
				t.Errorf("got %v for %+v", got, f)
			}
		})
	}
}

func TestIfTokens(t *testing.T) {
	f, err := ParseIf(header("If", `(<a:1> ["x"]) (Not <a:2>)`), "")
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Tokens(); !slices.Equal(got, []string{"a:1", "a:2"}) {
		t.Errorf("got %q", got)
	}
	var none *If
	if none.Tokens() != nil || !none.Holds("/", nil) {
		t.Error("an absent If does not hold")
	}
}
