package directory

import (
	"fmt"
	"slices"
	"strings"
)

// readHtpasswd makes records of an Apache password file: "name:hash" lines.
// Text after a further colon is taken as the full name, as some tools write.
func readHtpasswd(cfg *FileConfig, users, groups []byte) ([]Record, error) {
	var out []Record
	err := eachLine(users, func(line string) error {
		name, rest, ok := strings.Cut(line, ":")
		hash, full, _ := strings.Cut(rest, ":")
		if !ok || name == "" || hash == "" {
			return fmt.Errorf("not name:hash")
		}
		r := fileUser(cfg, name)
		r.Hash, r.FullName = hash, full
		out = append(out, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return readGroups(cfg, out, groups)
}

// readHtdigest makes records of an Apache digest file: "name:realm:HA1" lines,
// of which those of the configured realm count, by default the first's. HA1 is
// MD5's, or SHA-256's: a user may have a line with each.
func readHtdigest(cfg *FileConfig, users, groups []byte) ([]Record, error) {
	c := *cfg
	var out []Record
	at := map[string]int{}
	err := eachLine(users, func(line string) error {
		f := strings.Split(line, ":")
		if len(f) != 3 || f[0] == "" {
			return fmt.Errorf("not name:realm:hash")
		}
		var d DigestSecrets
		if !d.addHA1(line) {
			return fmt.Errorf("user %q: the hash is not 32 or 64 hexadecimal digits", f[0])
		}
		c.Realm = orText(c.Realm, f[1])
		if f[1] != c.Realm {
			return nil
		}
		i, ok := at[f[0]]
		if !ok {
			i = len(out)
			at[f[0]] = i
			out = append(out, fileUser(&c, f[0]))
		}
		if out[i].Digest.has(d.ha1s[0].algorithm) {
			return fmt.Errorf("user %q: twice", f[0])
		}
		out[i].Digest.addHA1(line)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return readGroups(&c, out, groups)
}

// fileUser is a user of whom only the name is known.
func fileUser(cfg *FileConfig, name string) Record {
	r := Record{Principal: Principal{
		Type: User, Name: name, GUID: DerivedGUID(orText(cfg.Realm, defaultRealm), User, name),
		CalendarEnabled: true, LoginEnabled: true,
	}}
	switch {
	case strings.Contains(name, "@"):
		r.Emails = []string{strings.ToLower(name)}
	case cfg.MailDomain != "":
		r.Emails = []string{strings.ToLower(name + "@" + cfg.MailDomain)}
	}
	return r
}

// readGroups adds the groups of an Apache group file: "group: name name …"
// lines; a group may have several. A member is a user, or else a group.
func readGroups(cfg *FileConfig, records []Record, groups []byte) ([]Record, error) {
	users, at := map[string]bool{}, map[string]int{}
	for _, r := range records {
		users[r.Name] = true
	}
	err := eachLine(groups, func(line string) error {
		name, members, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return fmt.Errorf("not group: members")
		}
		i, ok := at[name]
		if !ok {
			i = len(records)
			at[name] = i
			records = append(records, Record{Principal: Principal{
				Type: Group, Name: name, GUID: DerivedGUID(orText(cfg.Realm, defaultRealm), Group, name), CalendarEnabled: true,
			}})
		}
		for m := range strings.FieldsFuncSeq(members, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' }) {
			k := Key{By: Name, Type: Group, Value: m}
			if users[m] {
				k.Type = User
			}
			if !slices.Contains(records[i].Members, k) {
				records[i].Members = append(records[i].Members, k)
			}
		}
		return nil
	})
	return records, err
}

// eachLine calls fn for all lines that are not empty and no comment. Its
// error gets the line's number.
func eachLine(b []byte, fn func(string) error) error {
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := fn(line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil
}
