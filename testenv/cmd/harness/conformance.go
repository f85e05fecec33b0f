package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"convene/rooms"
	"convene/rooms/policy"
)

// accounts is what the harness needs of accounts.json.
type accounts struct {
	Realm           string    `json:"realm"`
	BaseDN          string    `json:"baseDN"`
	AdminPrincipals []string  `json:"adminPrincipals"`
	Accounts        []account `json:"accounts"`
}

// account is what it needs of one: how a room or resource replies, and who reads for it.
type account struct {
	Name    string   `json:"uid"`
	Mode    string   `json:"autoScheduleMode"`
	Group   string   `json:"autoAcceptGroup"`
	GUID    string   `json:"guid"`
	Readers []string `json:"readProxies"`
}

// serverInfo is what it needs of the server's description, convene.xml.
type serverInfo struct {
	Port    int `xml:"nonsslport"`
	SSLPort int `xml:"sslport"`
}

// conformance runs the runner in cdt with the scripts in suite, each file from
// the same data. args go to the runner; a --port among them is where the server
// listens. The status says whether the run took place: how many tests failed
// is in the runner's last line, TOTAL.
func conformance(h *harness, cdt, suite string, args []string) int {
	cdt, suite = absolute(h.t, cdt, "folder of the runner (-cdt)"), absolute(h.t, suite, "folder of the scripts (-suite)")
	var who accounts
	readJSON(h.t, filepath.Join(cdt, "accounts.json"), &who)
	description := filepath.Join(cdt, "convene.xml")
	var info serverInfo
	text, err := os.ReadFile(description)
	if err == nil {
		err = xml.Unmarshal(text, &info)
	}
	if err != nil {
		h.t.Fatalf("server description: %v", err)
	}
	if port, ok := option(args, "--port"); ok {
		n, err := strconv.Atoi(port)
		if err != nil {
			h.t.Fatalf("--port %s: not a number", port)
		}
		// Only one of the two is used then.
		if info = (serverInfo{Port: n}); has(args, "--ssl") {
			info = serverInfo{SSLPort: n}
		}
	}

	h.slapd(filepath.Join(cdt, "accounts.ldif"), who.BaseDN)
	h.stableGUIDs()
	h.config.Auth.Realm = who.Realm
	for _, name := range who.AdminPrincipals {
		h.config.Access.Administrators = append(h.config.Access.Administrators, "user:"+name)
	}
	h.declared()
	h.published()
	h.config.Rooms.Classes = classes(who.Accounts)
	if info.SSLPort != 0 { // where the description sends clients of /.well-known/
		h.config.Server.PublicURL = fmt.Sprintf("https://localhost:%d", info.SSLPort)
	}
	h.use(info.Port, info.SSLPort)
	h.prepare(func() error { return h.loadReaders(&who) })
	command := h.control() + " reset"
	status := h.foreground(cdt, filepath.Join(cdt, "cdt"),
		append([]string{"--suite", suite, "--server", description, "--before-file", command}, args...)...)
	if status == 1 { // tests failed
		return 0
	}
	return status
}

// declared sets what the server's description says of it: the features limits,
// split-calendars and timerange-low-limit and -high-limit. None of them is the
// default.
func (h *harness) declared() {
	const year = 365 * 24 * time.Hour
	limits := &h.config.Calendars
	h.config.Quota.Collections, h.config.Quota.CollectionObjects = 50, 10_000
	h.config.Quota.Attendees, h.config.Quota.Attachments = 100, 5
	h.config.Scheduling.Addresses, h.config.Scheduling.SentBy = "urn", "messages"
	limits.SingleComponent = true
	limits.QueryPast, limits.QueryFuture = year, 5*year
}

// published sets the names of properties and parameters that the tests expect to
// travel: the description does not say them.
func (h *harness) published() {
	o := &h.config.Scheduling
	for _, to := range []struct {
		list *[]string
		name string
	}{
		{&o.ToAttendees, "X-TEST-ORGANIZER-PROP"}, {&o.ToAttendeesParams, "X-TEST-ORGANIZER-PARAM"},
		{&o.ToOrganizer, "X-TEST-ALL-PROP"}, {&o.ToOrganizerParams, "X-TEST-ALL-PARAM"},
	} {
		for n := 1; n <= 5; n++ {
			*to.list = append(*to.list, fmt.Sprint(to.name, n))
		}
	}
}

// classes sets the rooms and resources to what the accounts say of them, unless it
// is the default: their entries in the directory do not have it.
func classes(all []account) (out []rooms.Class) {
	for _, a := range all {
		settings := map[string]string{}
		if a.Mode != "" && a.Mode != string(policy.ModeAutomatic) {
			settings["mode"] = a.Mode
		}
		if a.Group != "" {
			settings["auto-accept-group"] = "group:" + a.Group
		}
		if len(settings) > 0 {
			out = append(out, rooms.Class{Name: a.Name, Settings: settings})
		}
	}
	return out
}

// loadReaders makes the delegates who only read, of whom the entries in LDAP have no
// attribute.
func (h *harness) loadReaders(who *accounts) error {
	guids := map[string]string{}
	for _, a := range who.Accounts {
		guids[a.Name] = a.GUID
	}
	var list strings.Builder
	for _, a := range who.Accounts {
		for _, reader := range a.Readers {
			fmt.Fprintf(&list, "%s,%s,read\n", a.GUID, guids[reader])
		}
	}
	if list.Len() == 0 {
		return nil
	}
	file := h.path("readers.csv")
	if err := os.WriteFile(file, []byte(list.String()), 0o600); err != nil {
		return err
	}
	_, err := h.convene("delegate", "load", file)
	return err
}

// prepare starts the server on an empty folder, and keeps what it and fill make there
// as the data to go back to.
func (h *harness) prepare(fill func() error) {
	for _, step := range []func() error{h.start, fill, h.stop, h.keep, h.start} {
		if err := step(); err != nil {
			h.t.Fatal(err)
		}
	}
}

// option returns the value of "--name value" or "--name=value".
func option(args []string, name string) (string, bool) {
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, name+"="); ok {
			return v, true
		}
		if a == name && i+1 < len(args) {
			return args[i+1], true
		}
	}
	return "", false
}

func has(args []string, name string) bool {
	for _, a := range args {
		if a == name {
			return true
		}
	}
	return false
}

func readJSON(t *tb, file string, into any) {
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
