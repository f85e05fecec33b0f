package doctor

import (
	"context"
	"errors"
	"strings"

	"convene/directory"
	"convene/discover"
)

// access looks whether those exist whom lists of access name.
func (p *patient) access(ctx context.Context, e *examination) {
	if p.dir == nil {
		return // said by the check of the directory
	}
	c := &p.Config
	p.named(ctx, e, "access.administrators", c.Access.Administrators)
	p.named(ctx, e, "access.readers", c.Access.Readers)
	p.named(ctx, e, "access.sudoers", c.Access.Sudoers)
	for key, list := range c.SACL.Lists() {
		p.named(ctx, e, "sacl."+key, list)
	}
}

// named looks up the entries of one list.
func (p *patient) named(ctx context.Context, e *examination, key string, entries []string) {
	found := 0
	for _, entry := range entries {
		if entry == "everyone" {
			continue
		}
		ref, err := directory.ParseRef(entry)
		if err != nil {
			e.found(Fail, key, "reference", key, "write user:NAME, group:NAME or a GUID", "%v", err)
			continue
		}
		switch _, err = p.dir.Lookup(ctx, ref.Key()); {
		case err == nil:
			found++
		case errors.Is(err, directory.ErrNotFound):
			cure := "correct the name, or take the entry away"
			if p.ldap != nil && strings.HasPrefix(entry, "group:") {
				cure += "; groups are looked for below directory.ldap.groups.base"
			}
			e.found(Fail, key, "unknown-name", key, cure, "%q is not in the directory", entry)
		case p.ldap != nil:
			e.failed(Fail, key+" "+entry, err, p.facts(discover.Searching))
		default:
			e.found(Fail, key, "unknown", key, "correct the name", "%q: %v", entry, err)
		}
	}
	if found > 0 && found == len(entries) {
		e.ok(key, "%s", plural(found, "entry is in the directory", "entries are in the directory"))
	}
}
