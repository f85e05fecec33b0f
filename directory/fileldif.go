package directory

import (
	"bytes"
	"log/slog"

	"convene/directory/ldif"
)

// readLDIF makes records of an LDIF file with the same configuration as for an
// LDAP server. An entry without a GUID gets one derived from its name.
func readLDIF(cfg *FileConfig, content []byte, log *slog.Logger) ([]Record, error) {
	m, err := cfg.mapping()
	if err != nil {
		return nil, err
	}
	entries, err := ldif.Read(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	realm := orText(cfg.Realm, defaultRealm)
	var out []Record
	for _, e := range entries {
		s := m.classify(e)
		if s == nil {
			continue
		}
		if names := values(e, s.Name...); len(e.Values(s.GUID)) == 0 && len(names) > 0 {
			setGUID(e, s, DerivedGUID(realm, s.typ, names[0]))
		}
		p, err := m.principal(e, s)
		if err != nil {
			log.Warn("directory entry not usable", "err", err)
			continue
		}
		r := Record{Principal: *p, Login: values(e, s.Login...), Members: memberKeys(e, s)}
		setPassword(&r, e.Value("userPassword"))
		r.Digest, _ = s.secrets(e)
		out = append(out, r)
	}
	return out, nil
}

// defaultRealm is the realm of files that name none.
const defaultRealm = "convene"

func setGUID(e *ldif.Entry, s *spec, guid string) {
	if binaryGUID(s.GUID) {
		guid = bytesGUID(guid)
	}
	e.Set(s.GUID, guid)
}

// setPassword distinguishes a clear password from a hash with its scheme in braces
// (RFC 2307 §5.3).
func setPassword(r *Record, value string) {
	var ok bool
	if r.Password, ok = clearPassword(value); !ok {
		r.Hash = value
	}
}

// memberKeys names the members of a group.
func memberKeys(e *ldif.Entry, s *spec) []Key {
	if s.typ != Group {
		return nil
	}
	var out []Key
	for _, v := range values(e, s.Member...) {
		out = append(out, Key{By: DN, Value: v})
	}
	for _, v := range values(e, s.MemberName...) {
		out = append(out, Key{By: Name, Type: User, Value: v})
	}
	for _, v := range values(e, s.MemberGUID...) {
		out = append(out, Key{By: GUID, Value: v})
	}
	return out
}
