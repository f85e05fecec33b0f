package apple

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"convene/directory"
)

const (
	people = "DirectoryService"
	places = "ResourceService"
	adds   = "AugmentService"
)

// directory is where people and rooms come from.
func (c *conversion) directory() error {
	kind := strings.ToLower(c.get(people + ".type").text())
	switch {
	case c.get(people) == nil, strings.Contains(kind, "xml"):
		return c.files()
	case strings.Contains(kind, "ldap"):
		c.ldap()
	case strings.Contains(kind, "opendirectory"):
		node := c.get(people + ".params.node").text()
		c.left(people, "the Mac's own directory, "+node+", cannot be asked from elsewhere; the LDAP or Active Directory server behind it can")
		c.remains("convene join DOMAIN -o %s, with the domain of the directory that the Mac was bound to; on macOS odutil show nodenames names it", c.src.Output)
	default:
		c.left(people, "convene knows no directory of this kind")
	}
	return c.besideLDAP()
}

// files is a directory of accounts.xml, resources.xml and augments.xml.
func (c *conversion) files() error {
	file, err := c.file(people+".params.xmlFile", "accounts.xml")
	if err != nil {
		return err
	}
	if file == "" {
		return nil
	}
	c.take("directory.kind", "file", "", people+".type")
	c.take("directory.file.file", file, "", people+".params.xmlFile")
	c.take("directory.file.format", "accounts", "", people+".params.recordTypes")
	var extra, from []string
	if !c.get(places + ".Enabled").off() {
		file, err := c.file(places+".params.xmlFile", "resources.xml")
		if err != nil {
			return err
		}
		if file != "" {
			extra, from = append(extra, file), append(from, places+".type", places+".params.xmlFile")
		}
	}
	names := c.get(adds + ".params.xmlFiles").texts()
	if len(names) == 0 {
		names = []string{"augments.xml"}
	}
	for _, name := range names {
		found, _, err := c.open(name)
		switch {
		case err == nil:
			extra = append(extra, found)
			from = append(from, adds+".type", adds+".params.xmlFiles")
		case !errors.Is(err, fs.ErrNotExist):
			return err
		case c.get(adds+".params.xmlFiles") != nil:
			c.remains("%s was not found, which AugmentService names: add it to directory.file.extra-files", name)
		}
	}
	if len(extra) > 0 {
		c.take("directory.file.extra-files", extra, "", from...)
	}
	return nil
}

// file finds one of the files of a directory; "", if it is not there.
func (c *conversion) file(key, otherwise string) (string, error) {
	name := c.get(key).text()
	if name == "" {
		name = otherwise
	}
	found, text, err := c.open(name)
	if errors.Is(err, fs.ErrNotExist) {
		if c.get(key) != nil {
			c.left(key, name+" is not beside the plist")
		}
		if otherwise == "accounts.xml" {
			c.remains("%s was not found, which has the people: put it beside the plist and import again", name)
		}
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return found, wellFormed(found, text)
}

// wellFormed reports where a file is no XML: the server would not start with it.
func wellFormed(file string, text []byte) error {
	d := xml.NewDecoder(bytes.NewReader(text))
	var all struct{}
	if err := d.Decode(&all); err != nil {
		line, _ := d.InputPos()
		return &SyntaxError{file, line, err.Error()}
	}
	return nil
}

// besideLDAP is what the files say about rooms that a directory server has.
func (c *conversion) besideLDAP() error {
	names := c.get(adds + ".params.xmlFiles").texts()
	if len(names) == 0 {
		names = []string{"augments.xml"}
	}
	for _, name := range append([]string{"resources.xml"}, names...) {
		found, _, err := c.open(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		default:
			c.remains("convene room import %s, when the rooms in it are in the directory", found)
		}
	}
	if c.get(places) != nil {
		c.left(places, "rooms are where the people are, in one directory: put those that are not there into it")
	}
	if c.get(adds) != nil {
		c.left(adds, "settings of rooms are imported with convene room import; who has calendars or may sign in is said by directory.ldap.users")
	}
	return nil
}

const params = people + ".params."

// ldap is a directory server, in the older form (of 2012) or the newer.
func (c *conversion) ldap() {
	c.take("directory.kind", "ldap", "", people+".type")
	if uri := c.get(params + "uri").text(); uri != "" {
		c.take("directory.ldap.urls", []string{strings.TrimSuffix(uri, "/")}, "", params+"uri")
		c.transport(uri)
	}
	c.texts("directory.ldap.ca-file", params+"tlsCACertFile")
	if dn := c.get(params + "credentials.dn"); dn.text() != "" {
		c.take("directory.ldap.bind-dn", dn.text(), "", params+"credentials.dn")
		c.secret("ldap-password", "directory.ldap.bind-password-file", c.get(params+"credentials.password"), params+"credentials.password")
	}
	base := c.get(params + "rdnSchema.base").text()
	if base != "" {
		c.take("directory.ldap.base", []string{base}, "", params+"rdnSchema.base")
	}
	for _, kind := range []string{"users", "groups", "locations", "resources"} {
		c.records(kind, base)
	}
	if group := c.get(params + "restrictToGroup").text(); group != "" {
		if _, err := directory.ParseRef(group); err != nil {
			group = "group:" + group
		}
		c.take("sacl.calendar.allow", []string{group}, "nobody else may use calendars", params+"restrictToGroup")
	}
	c.mapping()
}

// transport is TLS, which passwords need.
func (c *conversion) transport(uri string) {
	u, err := url.Parse(uri)
	tls := c.get(params + "tls")
	if err != nil || u.Scheme != "ldap" {
		return
	}
	host := u.Hostname()
	addr, bad := netip.ParseAddr(host)
	here := strings.EqualFold(host, "localhost") || bad == nil && addr.IsLoopback()
	switch {
	case tls.on():
		c.take("directory.ldap.starttls", true, "", params+"tls")
	case !here:
		c.take("directory.ldap.starttls", true, "passwords do not go to other machines in the clear", params+"tls")
		c.remains("the directory at %s was asked without TLS: it has to take StartTLS, with a certificate of an authority in directory.ldap.ca-file", net.JoinHostPort(host, "389"))
	}
}

// texts takes a text that is not empty.
func (c *conversion) texts(setting, key string) {
	if v := c.get(key); v.text() != "" {
		c.take(setting, v.text(), "", key)
	}
}

func (c *conversion) lists(setting, note, key string) {
	if v := c.get(key).texts(); len(v) > 0 {
		c.take(setting, v, note, key)
	}
}

// records is where records of a type are, and their own attributes in the older form.
func (c *conversion) records(kind, base string) {
	at, table := params+"rdnSchema."+kind, "directory.ldap."+kind+"."
	rdn, key := c.get(at).text(), at
	if rdn == "" {
		rdn, key = c.get(at+".rdn").text(), at+".rdn"
	}
	if rdn != "" {
		c.take(table+"base", []string{strings.Trim(rdn+","+base, ",")}, "", key)
	}
	const instead = "in place of the preset's"
	for _, key := range []string{at + ".filter", params + "extraFilters." + kind} {
		if v := c.get(key); v.text() != "" {
			c.take(table+"filter", v.text(), instead, key)
		}
	}
	c.lists(table+"name", instead, at+".mapping.recordName")
	c.lists(table+"full-name", instead, at+".mapping.fullName")
	c.lists(table+"email", instead, at+".mapping.emailAddresses")
	c.texts(table+"given-name", at+".mapping.firstName")
	c.texts(table+"surname", at+".mapping.lastName")
	for _, s := range []struct{ name, setting string }{{"login", "login-enabled"}, {"calendar", "calendar-enabled"}} {
		attr, value := c.get(at+"."+s.name+"EnabledAttr").text(), c.get(at+"."+s.name+"EnabledValue").text()
		if attr == "" {
			continue
		}
		if value != "" {
			attr += ":" + value
		}
		c.take(table+s.setting, []string{attr}, "", at+"."+s.name+"EnabledAttr", at+"."+s.name+"EnabledValue")
	}
}

// presets are the kinds of servers, by the attribute that has identities.
var presets = map[string]string{
	"entryuuid": "openldap", "objectguid": "ad", "ipauniqueid": "freeipa", "nsuniqueid": "389ds", "apple-generateduid": "opendirectory",
}

// mapping is attributes of all types in the newer form, and of groups in the older.
func (c *conversion) mapping() {
	kinds := []string{"users", "groups", "locations", "resources"}
	all := func(name, note, key string, several bool, kinds ...string) {
		v := c.get(key).texts()
		if len(v) == 0 {
			return
		}
		for _, kind := range kinds {
			if several {
				c.take("directory.ldap."+kind+"."+name, v, note, key)
			} else {
				c.take("directory.ldap."+kind+"."+name, v[0], note, key)
			}
		}
		it := c.items[key]
		it.Setting = strings.Replace(it.Setting, "."+kinds[len(kinds)-1]+".", "."+strings.Join(kinds, "|")+".", 1)
		c.items[key] = it
	}
	m := params + "mapping."
	for _, key := range []string{params + "rdnSchema.guidAttr", m + "guid", m + "uid"} {
		v := c.get(key).texts()
		if _, done := c.items[m+"guid"]; len(v) == 0 || key == m+"uid" && done {
			continue
		}
		all("guid", "", key, false, kinds...)
		if preset := presets[strings.ToLower(v[0])]; preset != "" {
			c.take("directory.ldap.preset", preset, "the kind of server that has "+v[0]+"; and its guid", key)
		}
	}
	all("name", "", m+"shortNames", true, kinds...)
	all("full-name", "", m+"fullNames", true, kinds...)
	all("email", "", m+"emailAddresses", true, kinds...)
	all("calendar-enabled", "", m+"hasCalendars", true, "users", "locations", "resources")
	all("auto-schedule", "", m+"autoScheduleMode", false, "locations", "resources")
	all("read-delegates", "", m+"readOnlyProxy", false, kinds[0], kinds[2], kinds[3])
	all("write-delegates", "", m+"readWriteProxy", false, kinds[0], kinds[2], kinds[3])
	all("member", "", m+"memberDNs", true, "groups")
	g := params + "groupSchema."
	by := "member"
	switch id := c.get(g + "memberIdAttr").text(); {
	case id == "":
	case id == c.get(params+"rdnSchema.guidAttr").text():
		by = "member-guid"
	default:
		by = "member-name"
	}
	all(by, "", g+"membersAttr", true, "groups")
}
