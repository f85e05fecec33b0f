package directorytest

import (
	"errors"
	"slices"
	"testing"

	"convene/directory"
)

// search is a query and the short names that it finds.
type search struct {
	name string
	q    directory.Query
	want []string
}

func term(v string, how directory.How, fields ...directory.Field) directory.Term {
	return directory.Term{Value: v, How: how, Fields: fields}
}

// everybody is the short names of all users.
func everybody() []string {
	var out []string
	for _, p := range People() {
		out = append(out, p.Name)
	}
	return out
}

// nameSearches are those that short names suffice for.
func nameSearches() []search {
	users := []directory.Type{directory.User}
	of := func(match directory.Combine, terms ...directory.Term) directory.Query {
		return directory.Query{Types: users, Match: match, Terms: terms}
	}
	name := directory.FieldName
	return []search{
		{"all users", directory.Query{Types: users}, everybody()},
		{"groups", directory.Query{Types: []directory.Type{directory.Group}}, []string{"devs", "empty", "ops", "staff"}},
		{"short name", of(directory.AllOf, term("ALI", directory.StartsWith, name)), []string{"alice"}},
		{"short name equals", directory.Query{Terms: []directory.Term{term("jose", directory.Equals, name)}}, []string{"jose"}},
		{"short name contains", of(directory.AllOf, term("os", directory.Contains, name)), []string{"jose", "jose2"}},
		{"star", of(directory.AllOf, term("*", directory.Equals, name)), nil},
		{"empty value", of(directory.AllOf, term("", directory.Contains)), nil},
		{"any", of(directory.AnyOf, term("bob", directory.Equals, name), term("erin", directory.Equals, name)), []string{"bob", "erin"}},
		{"all", of(directory.AllOf, term("a", directory.Contains, name), term("l", directory.Contains, name)), []string{"alice", "carol"}},
	}
}

// fullSearches are those that need the other fields, and places.
func fullSearches() []search {
	of := func(terms ...directory.Term) directory.Query { return directory.Query{Terms: terms} }
	rooms := []directory.Type{directory.Location}
	surname, given := directory.FieldSurname, directory.FieldGivenName
	return []search{
		{"rooms", directory.Query{Types: rooms}, []string{"aspen", "birch"}},
		{"places", directory.Query{Types: []directory.Type{directory.Location, directory.Resource}}, []string{"aspen", "birch", "projector"}},
		{"surname", of(term("brown", directory.Equals, surname)), []string{"bob"}},
		{"given name", of(term("car", directory.StartsWith, given)), []string{"carol"}},
		{"accents", of(term("ÑAND", directory.StartsWith, surname)), []string{"jose2"}},
		{"mail", of(term("robert@", directory.StartsWith, directory.FieldEmail)), []string{"bob"}},
		{"metacharacters", of(term("(ops) *star* c\\", directory.Contains, directory.FieldFullName)), []string{"carol"}},
		{"all types", of(term("conference", directory.Contains, directory.FieldFullName)), []string{"aspen", "birch"}},
		{"any field", of(term("adams", directory.Contains)), []string{"alice"}},
		{"two tokens", of(term("dun", directory.StartsWith, surname, given), term("da", directory.StartsWith, surname, given)), []string{"dave"}},
		{"surname of rooms", directory.Query{Types: rooms, Terms: []directory.Term{term("a", directory.Contains, surname)}}, nil},
	}
}

func testSearch(t *testing.T, b Backend) {
	tests := nameSearches()
	if !b.NamesOnly {
		tests = append(tests, fullSearches()...)
	}
	for _, tt := range tests {
		list, err := b.Directory.Search(t.Context(), tt.q)
		if err != nil || !slices.Equal(names(list), tt.want) {
			t.Errorf("%s: %v, %v; want %v", tt.name, names(list), err, tt.want)
		}
	}
	n := len(everybody())
	for _, limit := range []int{3, n - 1, n} {
		list, err := b.Directory.Search(t.Context(), directory.Query{Types: []directory.Type{directory.User}, Limit: limit})
		if tooMany := errors.Is(err, directory.ErrTooMany); len(list) != limit || tooMany != (limit < n) || err != nil && !tooMany {
			t.Errorf("limit %d: %d records, %v", limit, len(list), err)
		}
	}
}
