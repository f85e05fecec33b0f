package directory

import (
	"slices"
	"strings"
	"time"

	"convene/directory/ldif"
)

// candidate is one of several records that have the same login.
type candidate struct {
	p     *Principal
	names []string // other names that may be typed, which are no mail addresses
}

// chooseLogin returns the index of the record that a folded login means, -1 if
// several are as likely. Who may sign in goes before who has left; among those the
// record with that short name, then one with another name of that kind, then one
// with that primary mail address: mail addresses are given out freely, and in some
// directories by their owners.
//
// A mail address that several have as their primary one, as somebody may have written
// it into their own record, is that of the one whose short name is before its "@".
func chooseLogin(login string, now time.Time, list []candidate) int {
	value := login
	if _, name, ok := strings.Cut(login, `\`); ok {
		value = name
	}
	local, _, _ := strings.Cut(value, "@")
	rules := []func(candidate) bool{
		func(c candidate) bool { return c.p.Closed(now) == nil },
		func(c candidate) bool { return sameText(c.p.Name, value) },
		func(c candidate) bool { return hasText(c.p.Aliases, value) },
		func(c candidate) bool { return hasText(c.names, value) },
		func(c candidate) bool { return len(c.p.Emails) > 0 && sameText(c.p.Emails[0], value) },
		func(c candidate) bool { return sameText(c.p.Name, local) },
	}
	left := make([]int, len(list))
	for i := range list {
		left[i] = i
	}
	for _, rule := range rules {
		better := slices.DeleteFunc(slices.Clone(left), func(i int) bool { return !rule(list[i]) })
		if len(better) > 0 {
			left = better
		}
		if len(left) == 1 {
			return left[0]
		}
	}
	return -1
}

// hasText reports whether v is one of list, but for letter case.
func hasText(list []string, v string) bool {
	return slices.ContainsFunc(list, func(x string) bool { return sameText(x, v) })
}

// loginNames returns what the user may type besides mail addresses. A mail
// attribute whose value is no address is no name: people may choose it themselves.
func (s *spec) loginNames(e *ldif.Entry) []string {
	return values(e, slices.DeleteFunc(slices.Clone(s.Login), func(a string) bool {
		return slices.ContainsFunc(s.Email, func(m string) bool { return strings.EqualFold(a, m) })
	})...)
}
