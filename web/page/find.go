package page

import (
	"errors"
	"fmt"
	"strings"

	"convene/directory"
)

// MostFound is how many records a search lists.
const MostFound = 20

// Find searches the directory for records of some types that have each word of a text at
// the beginning of one of their names, addresses or logins; more says that there are others. A text of fewer
// than two characters finds nothing. Errors: those of the directory.
func (r *Request) Find(text string, types ...directory.Type) (list []*directory.Principal, more bool, err error) {
	words := strings.Fields(text)
	if len([]rune(strings.TrimSpace(text))) < 2 || len(text) > 200 || len(words) > 6 {
		return nil, false, nil
	}
	q := directory.Query{Types: types, Match: directory.AllOf, Limit: MostFound}
	for _, w := range words {
		q.Terms = append(q.Terms, directory.Term{Value: w, How: directory.StartsWord})
	}
	list, err = r.Site.Directory.Search(r.Context(), q)
	if errors.Is(err, directory.ErrTooMany) {
		return list, true, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("search: %w", err)
	}
	return list, false, nil
}

// Names finds out what principals are called, each once a page.
type Names struct {
	r     *Request
	known map[string]string
}

// Names returns the names for a page.
func (r *Request) Names() *Names { return &Names{r, map[string]string{}} }

// Of returns the full name of a GUID, or the GUID if the directory does not tell.
func (n *Names) Of(guid string) string {
	name, ok := n.known[guid]
	if !ok {
		p, err := n.r.Site.Directory.Lookup(n.r.Context(), directory.Key{By: directory.GUID, Value: guid})
		if name = guid; err == nil {
			name = p.FullName
		}
		n.known[guid] = name
	}
	return name
}
