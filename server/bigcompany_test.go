package server_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	krb5 "github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/spnego"

	"convene/directory/directorytest"
	"convene/internal/settings"
	"convene/testenv"
)

// TestBigCompany has the figures of the program for so many people in slapd, of whom
// one in twenty comes with tickets of a real KDC and one in ten with a password. It takes some minutes,
// most of which the KDC needs to make its principals.
func TestBigCompany(t *testing.T) {
	people, err := strconv.Atoi(os.Getenv("BIGDIRECTORY"))
	if err != nil {
		return // make bigdirectory
	}
	each := people / 20
	crowd := directorytest.Crowd{People: people, Groups: people / 100, Teamed: people}
	slapd := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: crowd.LDIF(testenv.SSHA("secret")), NoIndex: []string{"uniqueMember"}})
	principals := map[string]string{}
	person := func(i int) string { return crowd.Login(1 + i*6) }
	for i := range each {
		principals[person(i)] = "secret"
	}
	realm := testenv.KDC(t, testenv.RealmOptions{Principals: principals, Services: []string{"HTTP/localhost"}, Enctypes: "aes256-cts-hmac-sha1-96:normal"})
	tickets := make([]*krb5.Client, each)
	atOnce(each, 8, func(i int) {
		tickets[i] = realm.Login(person(i))
		if _, _, err := tickets[i].GetServiceTicket("HTTP/localhost"); err != nil {
			t.Errorf("ticket of %s: %v", person(i), err)
		}
	})

	c := ldapConfig(t, slapd)
	c.Server.HTTP = []string{"127.0.0.1:" + strconv.Itoa(testenv.FreePort(t))}
	c.Auth.Schemes, c.Auth.Negotiate.Keytab = []string{"negotiate", "basic"}, realm.Keytab("HTTP/localhost")
	dir := testenv.Dir(t)
	program, file := filepath.Join(dir, "convene"), filepath.Join(dir, "convene.toml")
	testenv.Run(t, []string{"CGO_ENABLED=0"}, "", "go", "build", "-trimpath", "-o", program, "../cmd/convene")
	var text strings.Builder
	if err := settings.Write(&text, c); err != nil {
		t.Fatal(err)
	}
	testenv.WriteFile(t, file, text.String())
	report := func(what string, got, most any, ok bool) {
		t.Logf("%-60s %v (at most %v)", what, got, most)
		if !ok {
			t.Errorf("%s: %v, at most %v", what, got, most)
		}
	}

	url := "http://" + c.Server.HTTP[0]
	begun := time.Now()
	p := testenv.Start(t, testenv.Command{Path: program, Args: []string{"serve", "-c", file}, Ready: []string{c.Server.HTTP[0]}})
	first := do(t, http.DefaultClient, "PROPFIND", url+"/calendars/users/"+person(0)+"/", person(0), "", "Depth: 0")
	took := time.Since(begun)
	report("start to first answer", took.Round(time.Millisecond), 2*time.Second, first.StatusCode == 207 && took < 2*time.Second)

	// One of two comes with a ticket. A home is its owner's alone, so that 207 is said to
	// the right person only; the home before is somebody else's.
	var wrong, slowest atomic.Int64
	ask := func(c *http.Client, i int, path string, want int) {
		header := []string{"Depth: 0"}
		user := person(i)
		if i < each {
			token, err := ticketToken(tickets[i])
			if err != nil {
				t.Error(err)
				return
			}
			header, user = append(header, "Authorization: Negotiate "+token), ""
		}
		begun := time.Now()
		a, err := try(c, "PROPFIND", url+path, user, "", header...)
		took := int64(time.Since(begun))
		for old := slowest.Load(); took > old && !slowest.CompareAndSwap(old, took); old = slowest.Load() {
		}
		if (err != nil || a.StatusCode != want) && wrong.Add(1) < 10 {
			t.Errorf("%s as %s: %v, %v; want %d", path, person(i), a.Response, err, want)
		}
	}
	begun = time.Now()
	clients := make([]*http.Client, 32)
	for i := range clients {
		clients[i] = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2}}
		defer clients[i].CloseIdleConnections()
	}
	storm := func(from, n int) {
		atOnce(n, len(clients), func(k int) {
			i := from + k/2 + k%2*n/2 // tickets and passwords in turn
			c := clients[k%len(clients)]
			ask(c, i, "/calendars/users/"+person(i)+"/", 207)
			if k%11 == 0 {
				ask(c, i, "/calendars/users/"+person(i+1)+"/", 403)
			}
		})
	}
	storm(0, 2*each)
	took = time.Since(begun)
	report(fmt.Sprintf("%d by Kerberos and as many by Basic", each), took.Round(time.Millisecond), time.Minute, took < time.Minute)
	report("wrong answers", wrong.Load(), 0, wrong.Load() == 0)
	t.Logf("slowest answer %v", time.Duration(slowest.Load()).Round(time.Millisecond))
	storm(2*each, each)
	report(fmt.Sprintf("memory with %d active people, MB", 3*each), resident(t, p.Pid)>>20, 300, resident(t, p.Pid) < 300<<20)

	var times []time.Duration
	for i := range 1000 {
		given, surname := crowd.Name(i * 37 % people)
		typed := strings.ToLower(given + " " + surname)
		typed = strings.TrimSpace(typed[:3+i%(len(typed)-2)])
		var body strings.Builder
		body.WriteString(`<S:calendarserver-principal-search xmlns:D="DAV:" xmlns:S="http://calendarserver.org/ns/" context="attendee">`)
		for word := range strings.FieldsSeq(typed) {
			if len(word) < 3 {
				continue // nobody is searched for by so little
			}
			fmt.Fprintf(&body, "<S:search-token>%s</S:search-token>", word)
		}
		body.WriteString(`<S:limit><S:nresults>20</S:nresults></S:limit><D:prop><D:displayname/></D:prop></S:calendarserver-principal-search>`)
		begun := time.Now()
		a := do(t, clients[0], "REPORT", url+"/principals/", person(each), body.String(), "Depth: 0")
		times = append(times, time.Since(begun))
		if a.StatusCode != 207 || !strings.Contains(strings.ToLower(a.Body), strings.Fields(typed)[0]) {
			t.Fatalf("%q: %s\n%s", typed, a.Status, a.Body)
		}
	}
	slices.Sort(times)
	report("auto-completion letter by letter, 99 of 100", times[990].Round(100*time.Microsecond), 50*time.Millisecond, times[990] < 50*time.Millisecond)
}

// ticketToken is what a browser sends that has a ticket for the service.
func ticketToken(c *krb5.Client) (string, error) {
	token, err := spnego.SPNEGOClient(c, "HTTP/localhost").InitSecContext()
	if err != nil {
		return "", err
	}
	b, err := token.Marshal()
	return base64.StdEncoding.EncodeToString(b), err
}

// resident is the memory of a process in bytes.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	for line := range strings.Lines(string(readFile(t, fmt.Sprintf("/proc/%d/status", pid)))) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kB, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kB << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// atOnce calls fn for each of n numbers, some at a time.
func atOnce(n, most int, fn func(int)) {
	var wg sync.WaitGroup
	for w := range most {
		wg.Go(func() {
			for i := w; i < n; i += most {
				fn(i)
			}
		})
	}
	wg.Wait()
}
