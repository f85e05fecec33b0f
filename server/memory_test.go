package server_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"convene/config"
	"convene/internal/settings"
	"convene/testenv"
)

// A process is a server as a process of its own.
type process struct {
	pid int
	url string
}

// startProcess starts a server, which ends with the test.
func startProcess(t *testing.T, c config.Config) process {
	t.Helper()
	dir := testenv.Dir(t)
	program := filepath.Join(dir, "convene")
	testenv.Run(t, nil, "", "go", "build", "-o", program, "../cmd/convene")
	file, err := os.Create(filepath.Join(dir, "convene.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := settings.Write(file, c); err != nil {
		t.Fatal(err)
	}
	file.Close()
	notify, plain := listenNotify(t, filepath.Join(dir, "notify")), handOver(t)
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" serve -c "$1"`, program, file.Name())
	// What is for the test is no setting of the server.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "CONVENE_TEST_") })
	cmd.Env = append(cmd.Env, "LISTEN_FDS=1", "LISTEN_FDNAMES=http", "NOTIFY_SOCKET="+filepath.Join(dir, "notify"))
	cmd.ExtraFiles = []*os.File{plain.file}
	var log lockedBuffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Errorf("the server has ended: %v", err)
		}
		_ = cmd.Wait() // it says that it was killed
		if t.Failed() {
			t.Logf("server:\n%.10000s", log.String())
		}
	})
	notify.expect(t, "READY=1")
	return process{cmd.Process.Pid, "http://" + plain.address}
}

// memory returns a value of /proc/PID/status, in bytes: VmRSS, or VmHWM, its peak.
func (p process) memory(t *testing.T, name string) int64 {
	t.Helper()
	status := readFile(t, fmt.Sprintf("/proc/%d/status", p.pid))
	m := regexp.MustCompile(name + `:\s*(\d+) kB`).FindSubmatch(status)
	if m == nil {
		t.Fatalf("no %s in %s", name, status)
	}
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}

// A worstRequest costs as much memory as one can.
type worstRequest struct{ method, path, media, body string }

// stream is an iCalendar stream of n events with one time zone of so many bytes.
func stream(n, zone int) string {
	standard := "BEGIN:STANDARD\r\nDTSTART:20000101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\n"
	events := ""
	for i := range n {
		events += fmt.Sprintf("BEGIN:VEVENT\r\nUID:e%d\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Z:20260504T120000\r\nEND:VEVENT\r\n", i)
	}
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VTIMEZONE\r\nTZID:Z\r\n" + strings.Repeat(standard, zone/len(standard)) + "END:VTIMEZONE\r\n" + events + "END:VCALENDAR\r\n"
}

// series is a daily event with a long description.
func series(uid string, length int) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260504T120000Z\r\nRRULE:FREQ=DAILY\r\nDESCRIPTION:" +
		strings.Repeat("x", length) + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

const bobCalendar = "/calendars/users/bob/calendar/"

// worstRequests are those found so far, by name.
func worstRequests() map[string]worstRequest {
	report := func(name, rest string) string {
		return `<C:` + name + ` xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">` + rest + `</C:` + name + `>`
	}
	elements := func(n int) string {
		return `<D:propfind xmlns:D="DAV:"><D:prop>` + strings.Repeat("<a/>", n) + `</D:prop></D:propfind>`
	}
	const filter = `<C:filter><C:comp-filter name="VCALENDAR"/></C:filter>`
	const expand = `<D:prop><C:calendar-data><C:expand start="20260504T000000Z" end="22260504T000000Z"/></C:calendar-data></D:prop>`
	event := func(uid, lines string) string {
		return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260504T120000Z\r\n" + lines + "END:VEVENT\r\nEND:VCALENDAR\r\n"
	}
	put := `<M:resource><D:set><D:prop><C:calendar-data>` + event("m", "DESCRIPTION:"+strings.Repeat("x", 35_000)+"\r\n") + `</C:calendar-data></D:prop></D:set></M:resource>`
	attendees := strings.Repeat("ATTENDEE;CN=\""+strings.Repeat("x", 3000)+"\":mailto:a@example.org\r\n", 1000)
	return map[string]worstRequest{
		"multiput": {"POST", bobCalendar, "application/xml", `<M:multiput xmlns:M="http://me.com/_namespace/" xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">` +
			strings.Repeat(put, 250) + `</M:multiput>`},
		"attendees":                {"PUT", bobCalendar + "a.ics", "text/calendar", event("a", "ORGANIZER:mailto:bob@example.com\r\n"+attendees)},
		"dates":                    {"PUT", bobCalendar + "d.ics", "text/calendar", event("d", "RDATE:"+strings.Repeat("20260504T120000Z,", 500_000)+"20260505T120000Z\r\n")},
		"overrides":                {"PUT", bobCalendar + "o.ics", "text/calendar", event("o", "RRULE:FREQ=DAILY\r\n"+strings.Repeat("END:VEVENT\r\nBEGIN:VEVENT\r\nUID:o\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:20260504T120000Z\r\nDTSTART:20260504T130000Z\r\n", 20_000))},
		"properties":               {"PROPPATCH", bobCalendar, "application/xml", `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop>` + strings.Repeat("<a>"+strings.Repeat("x", 100)+"</a>", 20_000) + `</D:prop></D:set></D:propertyupdate>`},
		"entries":                  {"ACL", bobCalendar, "application/xml", `<D:acl xmlns:D="DAV:">` + strings.Repeat(`<D:ace><D:principal><D:all/></D:principal><D:grant><D:privilege><D:read/></D:privilege></D:grant></D:ace>`, 8000) + `</D:acl>`},
		"filters":                  {"REPORT", bobCalendar, "application/xml", report("calendar-query", `<D:prop><D:getetag/></D:prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">`+strings.Repeat(`<C:prop-filter name="X"><C:text-match>x</C:text-match></C:prop-filter>`, 20_000)+`</C:comp-filter></C:comp-filter></C:filter>`)},
		"deep":                     {"PROPFIND", bobCalendar, "application/xml", strings.Repeat("<a>", 300_000)},
		"namespaces":               {"PROPFIND", bobCalendar, "application/xml", `<D:propfind xmlns:D="DAV:"><D:prop>` + strings.Repeat(`<a xmlns="`+strings.Repeat("n", 400)+`"/>`, 20_000) + `</D:prop></D:propfind>`},
		"busy people":              {"POST", "/calendars/users/bob/outbox/", "text/calendar", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:REQUEST\r\nBEGIN:VFREEBUSY\r\nUID:f\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260504T000000Z\r\nDTEND:20261104T000000Z\r\nORGANIZER:mailto:bob@example.com\r\n" + attendees + "END:VFREEBUSY\r\nEND:VCALENDAR\r\n"},
		"time zone in 250 objects": {"POST", bobCalendar, "text/calendar", stream(250, 700_000)},
		"many objects":             {"POST", bobCalendar, "text/calendar", stream(200, 15_000)},
		"399,000 elements":         {"PROPFIND", bobCalendar, "application/xml", elements(399_000)},
		"49,000 elements":          {"PROPFIND", bobCalendar, "application/xml", elements(49_000)},
		"references":               {"PROPFIND", bobCalendar, "application/xml", `<a>` + strings.Repeat("&lt;", 1_000_000) + `</a>`},
		"short lines":              {"PUT", bobCalendar + "l.ics", "text/calendar", "BEGIN:VCALENDAR\n" + strings.Repeat("A:\n", 99_000) + "END:VCALENDAR\n"},
		"parameters":               {"PUT", bobCalendar + "p.ics", "text/calendar", "BEGIN:VCALENDAR\nX" + strings.Repeat(";A=", 250_000) + ":\nEND:VCALENDAR\n"},
		"jCal":                     {"PUT", bobCalendar + "j.ics", "application/calendar+json", `["vcalendar",[["a",{"b":[` + strings.Repeat(`"",`, 300_000) + `""]},"text",""]],[]]`},
		"expanded":                 {"REPORT", bobCalendar, "application/xml", report("calendar-query", expand+filter)},
		"the same object often": {"REPORT", bobCalendar, "application/xml", report("calendar-multiget",
			"<D:prop><C:calendar-data/></D:prop>"+strings.Repeat("<D:href>"+bobCalendar+"big.ics</D:href>", 60))},
	}
}

// A hundred of the worst requests at once take no more memory than they may, and
// others are served meanwhile.
func TestWorstRequests(t *testing.T) {
	c := smallConfig(t)
	c.Limits.Requests = 100
	p := startProcess(t, c)
	transport := &http.Transport{MaxConnsPerHost: 200}
	defer transport.CloseIdleConnections()
	web := &http.Client{Transport: transport}
	for name, body := range map[string]string{"big.ics": series("big", 900_000), "small.ics": series("small", 500)} {
		if got := do(t, web, "PUT", p.url+bobCalendar+name, "bob", body); got.StatusCode != 201 {
			t.Fatalf("%s: %s %s", name, got.Status, got.Body)
		}
	}
	ordinary(t, web, p.url, 0)
	idle := p.memory(t, "VmRSS")
	worst := worstRequests()
	var mixed []worstRequest
	lists := map[string][]worstRequest{}
	for len(mixed) < 100 {
		for _, r := range worst {
			mixed = append(mixed, r)
		}
	}
	lists["mixed"] = mixed[:100]
	for _, name := range worstAlone(worst) {
		lists[name] = hundred(worst[name])
	}
	for name, list := range lists {
		t.Run(name, func(t *testing.T) {
			statuses := attack(t, web, p.url, list)
			above := p.memory(t, "VmHWM") - idle
			t.Logf("%d MB above %d MB; statuses %v", above>>20, idle>>20, statuses)
			if above > 512<<20 {
				t.Errorf("%d MB above %d MB idle", above>>20, idle>>20)
			}
			if statuses[500] > 0 || len(statuses) == 0 {
				t.Errorf("statuses %v", statuses)
			}
		})
	}
}

// worstAlone names the requests that a hundred are sent of: all, if
// CONVENE_TEST_WORST is set, else those that were worst.
func worstAlone(all map[string]worstRequest) []string {
	if os.Getenv("CONVENE_TEST_WORST") != "" {
		return slices.Sorted(maps.Keys(all))
	}
	return []string{"time zone in 250 objects", "399,000 elements"}
}

func hundred(r worstRequest) []worstRequest {
	list := make([]worstRequest, 100)
	for i := range list {
		list[i] = r
	}
	return list
}

// attack sends requests all at once as bob, and ordinary ones as ann until the last
// of them is answered. It returns how often each status came back.
func attack(t *testing.T, web *http.Client, url string, list []worstRequest) map[int]int {
	t.Helper()
	var mu sync.Mutex
	statuses := map[int]int{}
	var attackers sync.WaitGroup
	for _, r := range list {
		attackers.Go(func() {
			status, err := discard(web, url, r)
			if err != nil {
				t.Errorf("%s %s: %v", r.method, r.media, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
		})
	}
	done := make(chan struct{})
	go func() { attackers.Wait(); close(done) }()
	for i := 1; ; i++ {
		ordinary(t, web, url, i)
		select {
		case <-done:
			return statuses
		default:
		}
	}
}

// discard sends a request and reads its response without keeping it.
func discard(web *http.Client, url string, w worstRequest) (status int, err error) {
	r, err := http.NewRequest(w.method, url+w.path, strings.NewReader(w.body))
	if err != nil {
		return 0, err
	}
	r.SetBasicAuth("bob", "secret")
	r.Header.Set("Content-Type", w.media)
	r.Header.Set("Depth", "1")
	resp, err := web.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// ordinary does what a calendar program does all day, and fails unless it succeeds.
func ordinary(t *testing.T, web *http.Client, url string, i int) {
	t.Helper()
	home := url + annHome + "calendar/"
	for _, r := range []struct{ method, path, body string }{
		{"PROPFIND", home, `<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>`},
		{"PUT", home + fmt.Sprintf("o%d.ics", i%20), series(fmt.Sprintf("o%d", i%20), 1000)},
		{"GET", home + fmt.Sprintf("o%d.ics", i%20), ""},
	} {
		got, err := try(web, r.method, r.path, "ann", r.body, "Depth: 1")
		if err != nil || got.StatusCode/100 != 2 {
			t.Errorf("ordinary %s: %v %v", r.method, got.Response, err)
		}
	}
}
