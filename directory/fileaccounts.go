package directory

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// node is an XML element of an accounts file.
type node struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []node     `xml:",any"`
	Text     string     `xml:",chardata"`
}

func (n *node) attr(name string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// texts returns the text of all children with one of the names.
func (n *node) texts(names ...string) []string {
	var out []string
	for i := range n.Children {
		c := &n.Children[i]
		if v := strings.TrimSpace(c.Text); v != "" && slices.Contains(names, c.XMLName.Local) {
			out = append(out, v)
		}
	}
	return out
}

func (n *node) text(names ...string) string {
	for _, name := range names {
		if v := n.texts(name); len(v) > 0 {
			return v[0]
		}
	}
	return ""
}

func (n *node) child(name string) *node {
	for i := range n.Children {
		if n.Children[i].XMLName.Local == name {
			return &n.Children[i]
		}
	}
	return nil
}

// readAccounts makes records of Apple's account files, in the older form
// (accounts: user, group, location, resource) and in the newer one (directory:
// record), and applies augments files given along with them. The first file's
// realm counts for all.
func readAccounts(cfg *FileConfig, files [][]byte) ([]Record, error) {
	var out []Record
	var augments []node
	addresses := map[string]*node{} // records of type address, by uid
	realm := cfg.Realm
	for i, content := range files {
		root, err := parseAccounts(content)
		if err != nil {
			return nil, fmt.Errorf("file %d: %w", i+1, err)
		}
		if root.XMLName.Local == "augments" {
			augments = append(augments, root.Children...)
			continue
		}
		realm = cmp.Or(realm, root.attr("realm"), defaultRealm)
		for i := range root.Children {
			n := &root.Children[i]
			switch kind := recordKind(n); kind {
			case "address":
				addresses[n.text("uid", "guid")] = n
			case "":
			default:
				list, err := repeated(n, realm, kind)
				if err != nil {
					return nil, err
				}
				out = append(out, list...)
			}
		}
	}
	for i := range out {
		r := &out[i]
		if a := addresses[r.Address]; a != nil && r.Address != "" {
			r.Building, r.Address, r.Geo = a.text("abbreviated-name", "full-name"), a.text("street-address"), a.text("geographic-location")
		}
		r.augment(augments)
	}
	return out, nil
}

// parseAccounts reads the XML. Document type declarations are skipped over,
// entities are not known.
func parseAccounts(content []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(content))
	d.Strict = true
	var root node
	if err := d.Decode(&root); err != nil {
		return nil, err
	}
	switch root.XMLName.Local {
	case "accounts", "directory", "augments":
		return &root, nil
	}
	return nil, fmt.Errorf("element %q is neither accounts, directory nor augments", root.XMLName.Local)
}

// recordKind returns what an element describes: a type, address, or "" for
// what is none of ours.
func recordKind(n *node) string {
	switch k := n.XMLName.Local; k {
	case "user", "group", "location", "resource":
		return k
	case "record":
		return cmp.Or(n.attr("type"), "user")
	}
	return ""
}

// repeated makes the records of one element, which stands for as many as its
// attribute repeat says, with the number put in for %02d and its like.
func repeated(n *node, realm, kind string) ([]Record, error) {
	t, ok := ParseType(kind)
	if !ok {
		return nil, fmt.Errorf("record type %q: unknown", kind)
	}
	repeat := n.attr("repeat")
	if repeat == "" {
		return []Record{account(n, t, realm, 0)}, nil
	}
	count, err := strconv.Atoi(repeat)
	if err != nil || count < 0 || count > 1_000_000 {
		return nil, fmt.Errorf("repeat %q: not a number up to a million", repeat)
	}
	out := make([]Record, 0, count)
	for i := 1; i <= count; i++ {
		out = append(out, account(n, t, realm, i))
	}
	return out, nil
}

// account makes one record. number is 0 for an element that is not repeated.
func account(n *node, t Type, realm string, number int) Record {
	fill := func(s string) string { return fillNumber(s, number) }
	fillAll := func(list []string) []string {
		for i := range list {
			list[i] = fill(list[i])
		}
		return list
	}
	newer := n.XMLName.Local == "record"
	names := fillAll(n.texts("short-name"))
	guid := fill(n.text("guid"))
	if newer {
		guid = cmp.Or(guid, fill(n.text("uid"))) // the newer form's uid is the identity
	} else {
		names = append(names, fillAll(n.texts("uid"))...)
	}
	r := Record{
		Principal: Principal{
			Type: t, FullName: fill(n.text("full-name", "name")),
			GivenName: fill(n.text("first-name")), Surname: fill(n.text("last-name")),
			CalendarEnabled: n.child("disable-calendar") == nil, LoginEnabled: t == User && n.child("disable-login") == nil,
			Capacity: firstNumber(n.text("capacity")), Floor: n.text("floor"), Address: n.text("associated-address", "street-address"),
			Geo: n.text("geographic-location"), Building: n.text("building"), Features: features(n.texts("feature", "features")),
		},
		Password: fill(n.text("password")),
	}
	if len(names) > 0 {
		r.Name, r.Aliases = names[0], names[1:]
	}
	if r.GUID = guid; guid == "" && r.Name != "" {
		r.GUID = DerivedGUID(realm, t, r.Name)
	}
	for _, e := range fillAll(append(n.texts("email", "email-address"), mailtos(n.texts("cuaddr"))...)) {
		if e = strings.ToLower(e); !slices.Contains(r.Emails, e) {
			r.Emails = append(r.Emails, e)
		}
	}
	if n.child("auto-schedule") != nil {
		r.AutoSchedule = AutoScheduleAutomatic
	}
	r.Members = memberNodes(n.child("members"))
	for _, uid := range fillAll(n.texts("member-uid")) {
		r.Members = append(r.Members, Key{By: GUID, Value: uid})
	}
	r.WriteDelegates = principalPaths(n.child("proxies"))
	r.ReadDelegates = principalPaths(n.child("read-only-proxies"))
	return r
}

// mailtos returns the bare addresses among calendar user addresses.
func mailtos(list []string) []string {
	var out []string
	for _, v := range list {
		if a, ok := strings.CutPrefix(v, "mailto:"); ok {
			out = append(out, a)
		}
	}
	return out
}

// memberNodes reads <member type="users">NAME</member>.
func memberNodes(list *node) []Key {
	var out []Key
	if list == nil {
		return nil
	}
	for i := range list.Children {
		m := &list.Children[i]
		t, ok := ParseType(cmp.Or(m.attr("type"), "users"))
		if v := strings.TrimSpace(m.Text); ok && v != "" && m.XMLName.Local == "member" {
			out = append(out, Key{By: Name, Type: t, Value: v})
		}
	}
	return out
}

// principalPaths writes the members of a list as references.
func principalPaths(list *node) []string {
	var out []string
	for _, k := range memberNodes(list) {
		out = append(out, "/principals/"+k.Type.String()+"/"+escapeSegment(k.Value)+"/")
	}
	return out
}

// fillNumber replaces %d, %02d and so on by the number of a repeated record.
func fillNumber(s string, number int) string {
	if number == 0 || !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '%')
		if i < 0 {
			return b.String() + s
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		j := strings.IndexByte(s, 'd')
		width, err := strconv.Atoi("0" + s[:max(j, 0)])
		if j < 0 || j > 2 || err != nil {
			b.WriteByte('%')
			continue
		}
		fmt.Fprintf(&b, "%0*d", width, number)
		s = s[j+1:]
	}
}

// augment applies the records of augments files: those for the GUID, else the
// default for the record's type.
func (r *Record) augment(augments []node) {
	defaults := map[Type]string{User: "default", Group: "default", Location: "location-default", Resource: "resource-default"}
	var own, base *node
	for i := range augments {
		switch uid := augments[i].text("uid"); {
		case strings.EqualFold(uid, r.GUID):
			own = &augments[i]
		case strings.EqualFold(uid, defaults[r.Type]), uid == "Default" && base == nil:
			base = &augments[i]
		}
	}
	n := cmp.Or(own, base)
	if n == nil {
		return
	}
	isTrue := func(name string, otherwise bool) bool {
		switch strings.ToLower(n.text(name)) {
		case "true", "yes":
			return true
		case "false", "no":
			return false
		}
		return otherwise
	}
	on := isTrue("enable", true)
	r.CalendarEnabled = on && r.CalendarEnabled && isTrue("enable-calendar", true)
	r.LoginEnabled = r.LoginEnabled && on && isTrue("enable-login", true)
	r.AutoAcceptGroup = cmp.Or(n.text("auto-accept-group"), r.AutoAcceptGroup)
	mode := strings.ToLower(n.text("auto-schedule-mode"))
	if mode == "default" {
		mode = ""
	}
	if n.text("auto-schedule") != "" && !isTrue("auto-schedule", true) {
		mode = AutoScheduleNone
	}
	r.AutoSchedule = cmp.Or(mode, r.AutoSchedule)
}
