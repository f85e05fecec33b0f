package main

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// An enumeration tries to tell names that somebody has from names that nobody has, by
// the statuses that wrong passwords get and by the time until they come.
type enumeration struct {
	names   int // of each kind, whose sequences of statuses are compared
	pairs   int // whose times are compared
	runs    int // how often
	workers int // pairs at the same time
}

const (
	triesEach = 5
	// What counts as the same time: the area under the curve that tells the two kinds
	// apart (0.5: chance), and the difference of the medians.
	leastArea, mostArea = 0.45, 0.55
	mostMedian          = 2 * time.Millisecond
)

// A guess is a way to sign in, as an attacker uses it.
type guess struct {
	name  string
	field func(name string, try int) string
}

func guesses() []guess {
	basic := func(name, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
	}
	sum := func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) }
	return []guess{
		{"Basic", func(name string, try int) string { return basic(name, "guess"+strconv.Itoa(try)) }},
		{"device password", func(name string, try int) string { return basic(name, "00000-00000-00000-00000") }},
		{"Digest", func(name string, try int) string {
			const nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
			response := sum(sum(fmt.Sprint(name, ":Calendar:guess", try)) + ":" + nonce + ":00000001:c:auth:" + sum("PROPFIND:/calendars/"))
			return fmt.Sprintf(`Digest username="%s", realm="Calendar", nonce="%s", uri="/calendars/", algorithm=MD5, qop=auth, nc=00000001, cnonce="c", response="%s"`,
				name, nonce, response)
		}},
	}
}

// enumerate does it against a server with slapd, and returns the program's status.
func enumerate(h *harness, e enumeration) int {
	users := make([]string, max(e.names, e.pairs))
	for i := range users {
		users[i] = nameOfPerson(i)
	}
	const base = "dc=example,dc=com"
	h.slapd(h.writeUsers(base, users), base)
	h.stableGUIDs()
	h.config.Directory.LDAP.Users.DigestPassword = "userPassword"
	h.use(0, 0)
	h.config.Auth.Schemes = []string{"digest", "basic"}
	h.write()
	failed := false
	for _, g := range guesses() {
		for run := range e.runs + 1 {
			if err := h.start(); err != nil {
				h.t.Fatal(err)
			}
			ok := false
			if run == 0 {
				ok = e.statuses(h, g)
			} else {
				ok = e.times(h, g, run)
			}
			failed = failed || !ok
			if err := h.stop(); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	if failed {
		return 1
	}
	return 0
}

func nameOfPerson(i int) string { return fmt.Sprintf("person%05d", i) }
func nameOfNobody(i int) string { return fmt.Sprintf("nobody%05d", i) }

// client asks from an address of its own: each name is tried from another network.
func (e *enumeration) client(kind, i int) *http.Client {
	from := &net.TCPAddr{IP: net.IPv4(127, byte(1+100*kind+i/250), byte(i%250), 1)}
	d := &net.Dialer{LocalAddr: from, Timeout: 10 * time.Second}
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) { return d.DialContext(ctx, "tcp4", addr) },
	}}
}

func (h *harness) guess(c *http.Client, field string) (status int, took time.Duration, err error) {
	r, err := http.NewRequestWithContext(h.t.Context(), "PROPFIND", fmt.Sprintf("http://127.0.0.1:%d/calendars/", h.http), strings.NewReader(""))
	if err != nil {
		return 0, 0, err
	}
	r.Header.Set("Authorization", field)
	begun := time.Now()
	resp, err := c.Do(r)
	if err != nil {
		return 0, 0, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, time.Since(begun), errors.Join(err, resp.Body.Close())
}

// each calls fn for 0 to n-1, some at a time.
func each(n, workers int, fn func(i int) error) error {
	var wg sync.WaitGroup
	next := make(chan int)
	errs := make([]error, n)
	for range workers {
		wg.Go(func() {
			for i := range next {
				errs[i] = fn(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return errors.Join(errs...)
}

// statuses compares the sequences of statuses. It reports whether they are equal.
func (e *enumeration) statuses(h *harness, g guess) bool {
	seen := [2][]string{make([]string, e.names), make([]string, e.names)}
	err := each(2*e.names, 64, func(j int) error {
		i, kind, name := j/2, j%2, nameOfPerson(j/2)
		if kind == 1 {
			name = nameOfNobody(i)
		}
		c := e.client(kind, i)
		defer c.CloseIdleConnections()
		for try := range triesEach {
			status, _, err := h.guess(c, g.field(name, try))
			if err != nil {
				return err
			}
			seen[kind][i] += " " + strconv.Itoa(status)
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	equal := 0
	for i := range e.names {
		if seen[0][i] == seen[1][i] {
			equal++
		}
	}
	fmt.Printf("%s: statuses of %d of %d pairs of names are equal; the first are%s\n", g.name, equal, e.names, seen[0][0])
	return equal == e.names
}

// times compares how long a first wrong password takes. It reports whether nobody could
// tell.
func (e *enumeration) times(h *harness, g guess, run int) bool {
	took := [2][]time.Duration{make([]time.Duration, e.pairs), make([]time.Duration, e.pairs)}
	err := each(e.pairs, e.workers, func(i int) error {
		for j := range 2 {
			kind, name := (i+j)%2, nameOfPerson(i)
			if kind == 1 {
				name = nameOfNobody(i)
			}
			c := e.client(kind, i)
			status, d, err := h.guess(c, g.field(name, 0))
			c.CloseIdleConnections()
			if err != nil || status != http.StatusUnauthorized {
				return fmt.Errorf("%s: status %d: %w", name, status, err)
			}
			took[kind][i] = d
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	area := areaUnderCurve(took[0], took[1])
	a, b := median(took[0]), median(took[1])
	ok := area >= leastArea && area <= mostArea && (a-b).Abs() <= mostMedian
	fmt.Printf("%s, run %d: %d pairs, area under the curve %.3f, medians %.2f ms and %.2f ms: %s\n", g.name, run, e.pairs,
		area, float64(a)/1e6, float64(b)/1e6, map[bool]string{true: "cannot be told apart", false: "CAN BE TOLD APART"}[ok])
	return ok
}

func median(list []time.Duration) time.Duration {
	s := slices.Sorted(slices.Values(list))
	return s[len(s)/2]
}

// areaUnderCurve is the probability that a time of a is longer than one of b (the
// statistic of Mann and Whitney), 0.5 if they are of one distribution.
func areaUnderCurve(a, b []time.Duration) float64 {
	sorted := slices.Sorted(slices.Values(b))
	sum := 0.0
	for _, x := range a {
		below, _ := slices.BinarySearch(sorted, x)
		upTo, _ := slices.BinarySearch(sorted, x+1)
		sum += float64(below) + float64(upTo-below)/2
	}
	return sum / float64(len(a)*len(b))
}
