package auth

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"convene/directory"
)

// errNoRecord says that a ticket was right and belongs to nobody here.
var errNoRecord = errors.New("no directory record has this Kerberos name")

// String returns name@REALM.
func (k kerberosName) String() string { return strings.Join(k.components, "/") + "@" + k.realm }

// check refuses clients of other realms, and names whose text would mean
// something else: components with separators in them.
func (k kerberosName) check(realms []string) error {
	if !slices.Contains(realms, k.realm) {
		return refused("users of realm %.80q may not sign in", k.realm)
	}
	if len(k.components) == 0 {
		return refused("ticket without a client name")
	}
	for _, c := range append([]string{k.realm}, k.components...) {
		odd := func(r rune) bool { return strings.ContainsRune(`/@\`, r) || unicode.IsControl(r) }
		if c == "" || strings.ContainsFunc(c, odd) {
			return refused("client name %.80q has a separator in it", c)
		}
	}
	return nil
}

// mayBe checks that a record, found by key, is this client's: the realm must be
// the record's, and outside of Active Directory a name must be spelt as there, as
// "Alice" and "alice" may be two people of an MIT realm (RFC 4120 §6.2).
func (k kerberosName) mayBe(p *directory.Principal, key directory.Key) error {
	if p.HasKerberosName(k.String()) {
		return nil
	}
	if !p.InRealm(k.realm) {
		return fmt.Errorf("%w: %s %q is not of realm %s", errNoRecord, p.Type, p.Name, k.realm)
	}
	if p.ActiveDirectory || key.By == directory.GUID {
		return nil
	}
	spelt := append([]string{p.Name}, p.Aliases...)
	if key.By != directory.Name {
		spelt = append(spelt, p.Emails...)
	}
	if !slices.Contains(spelt, key.Value) {
		return fmt.Errorf("%w: %s %q is spelt otherwise", errNoRecord, p.Type, p.Name)
	}
	return nil
}

// principalRule is a PrincipalRule ready for use.
type principalRule struct {
	realms []string // empty: the keytab's
	any    bool     // all realms
	match  *regexp.Regexp
	by     directory.Key // kind and type
	value  string
}

// ruleKinds says what each value of PrincipalRule.By looks up, and with which
// template if none is given.
var ruleKinds = map[string]struct {
	key   directory.Key
	value string
}{
	"kerberos": {directory.Key{By: directory.KerberosName, Type: directory.User}, "${principal}"},
	"name":     {directory.Key{By: directory.Name, Type: directory.User}, "${name}"},
	"mail":     {directory.Key{By: directory.Address, Type: directory.User}, "${name}@${domain}"},
	"login":    {directory.Key{By: directory.Login, Type: directory.User}, "${name}"},
	"guid":     {directory.Key{By: directory.GUID, Type: directory.User}, "${name}"},
}

// compileRules checks the rules.
func compileRules(rules []PrincipalRule) ([]principalRule, error) {
	var out []principalRule
	for i, r := range rules {
		kind, ok := ruleKinds[r.By]
		if !ok {
			return nil, fmt.Errorf("principal rule %d: by %q is unknown", i+1, r.By)
		}
		c := principalRule{realms: r.Realms, any: slices.Contains(r.Realms, "*"), by: kind.key, value: kind.value}
		if r.Value != "" {
			c.value = r.Value
		}
		if r.Match != "" {
			re, err := regexp.Compile(`^(?:` + r.Match + `)$`)
			if err != nil {
				return nil, fmt.Errorf("principal rule %d: match: %w", i+1, err)
			}
			c.match = re
		}
		out = append(out, c)
	}
	return out, nil
}

// key returns what to look up for a client, or false if the rule is not for
// it. own are the keytab's realms.
func (r principalRule) key(k kerberosName, own []string) (directory.Key, bool) {
	realms := r.realms
	if len(realms) == 0 {
		realms = own
	}
	if !r.any && !slices.Contains(realms, k.realm) {
		return directory.Key{}, false
	}
	full := k.String()
	var groups []string
	switch {
	case r.match != nil:
		if groups = r.match.FindStringSubmatch(full); groups == nil {
			return directory.Key{}, false
		}
	case len(k.components) != 1:
		// HTTP/host or alice/admin is not the user called so.
		return directory.Key{}, false
	}
	key := r.by
	key.Value = expandTemplate(r.value, func(name string) string {
		switch name {
		case "principal":
			return full
		case "name":
			return strings.Join(k.components, "/")
		case "realm":
			return k.realm
		case "domain":
			return strings.ToLower(k.realm)
		}
		return r.group(groups, name)
	})
	return key, key.Value != ""
}

// group returns a group of the match by number or name, "" if there is none.
func (r principalRule) group(groups []string, name string) string {
	if len(name) == 1 && name[0] >= '0' && name[0] <= '9' && int(name[0]-'0') < len(groups) {
		return groups[name[0]-'0']
	}
	if r.match != nil {
		if i := r.match.SubexpIndex(name); i > 0 {
			return groups[i]
		}
	}
	return ""
}

var templateVariable = regexp.MustCompile(`\$(\$|[0-9]|\{[a-z0-9_]+\})`)

// expandTemplate replaces $1 and ${name}; $$ is a dollar sign.
func expandTemplate(t string, value func(string) string) string {
	return templateVariable.ReplaceAllStringFunc(t, func(v string) string {
		if v == "$$" {
			return "$"
		}
		return value(strings.Trim(v[1:], "{}"))
	})
}
