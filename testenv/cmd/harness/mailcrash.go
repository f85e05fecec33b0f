package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"convene/calendar"
	"convene/imip"
	"convene/store"
	"convene/testenv"
)

// A stage is where mail has come to when the server is killed.
type stage struct {
	name        string
	connections int // to the mail server

	// How many of the mails that the mail server has come again after the kill.
	fewest, most int
}

// stages are all of them, in the order of a mail's way. "any" is at no place in
// particular, with mail on several connections; the rest has one, so that it is known
// what was under way. What has a name of testenv/cmd/smtpd is killed by that.
var stages = []stage{
	{"any", 4, 0, 4},
	{"queued", 1, 0, 1},  // a write was just acknowledged
	{"flush", 1, 0, 1},   // the store moves its log into its file
	{"away", 1, 0, 0},    // there is no mail server
	{"connect", 1, 0, 0}, // up to here no mail server has anything
	{"mail", 1, 0, 0},
	{"rcpt", 1, 0, 0},
	{"data", 1, 0, 0},
	{"body", 1, 0, 1},     // the end may be on its way
	{"taken", 1, 1, 1},    // the mail server has it, and the server cannot know
	{"answered", 1, 0, 1}, // the server may have noted it
}

// A killed says how many mails there were when the server was killed at a stage.
type killed struct {
	*stage
	mails int
	again int // how many of them came again later
}

// mailcrash kills the server n times while people invite guests from elsewhere, at each
// stage in turn, and counts in the end what a mail server got: every acknowledged
// invitation at least once, noted as sent, none that nobody wrote, and twice only what
// was under way at a kill, under the same Message-ID.
func mailcrash(h *harness, n int, seed uint64) int {
	server := testenv.NewSMTP(h.t, testenv.SMTPOptions{})
	var users []string
	for i := range writers {
		users = append(users, fmt.Sprintf("user%02d", i+1))
	}
	c := &h.config
	c.Directory.Kind = "file"
	c.Directory.File.File = h.writeUsers("dc=example,dc=com", users)
	c.Quota.Bytes, c.Storage.Reserve = 0, 0
	c.Mail.Server, c.Mail.Security, c.Mail.From, c.Mail.Domains = server.Address, "none", "calendar@example.com", []string{"example.com"}
	c.Mail.Delay, c.Mail.PerDay, c.Mail.PerMinute = time.Millisecond, 0, 0
	h.use(0, 0)

	var all []*inviter
	for _, u := range users {
		all = append(all, &inviter{user: u, port: h.http, client: &http.Client{Timeout: 30 * time.Second}, written: map[string]bool{}})
	}
	random := rand.New(rand.NewPCG(seed, 1<<32))
	var kills []killed
	for round := range n {
		at := &stages[round%len(stages)]
		c.Mail.Connections = at.connections
		h.use(h.http, h.https)
		kills = append(kills, killed{at, oneMailCrash(h, server, all, at.name, random), 0})
		if round%10 == 9 || round == n-1 {
			h.t.Logf("mailcrash: %d of %d kills, %d mails", round+1, n, kills[round].mails)
		}
	}
	h.must(h.start())
	h.drainMail()
	sent := server.Mails()
	h.must(h.stop())
	if out, err := h.convene("admin", "verify"); err != nil {
		h.t.Fatalf("verify: %v\n%s", err, out)
	}
	acknowledged, cutOff := 0, 0
	written := map[string]bool{}
	for _, i := range all {
		for uid, known := range i.written {
			written[uid] = known
			if known {
				acknowledged++
			} else {
				cutOff++
			}
		}
	}
	twice, err := judgeMails(sent, written, kills)
	h.must(err)
	h.must(h.checkMarks(sent))
	for _, at := range stages {
		printStage(at.name, kills)
	}
	fmt.Printf("MAILCRASH kills=%d acknowledged=%d cutoff=%d mails=%d twice=%d lost=0 verify=clean\n", n, acknowledged, cutOff, len(sent), twice)
	return 0
}

// printStage prints how often the server was killed at a stage, and what came again.
func printStage(name string, kills []killed) {
	n, again := 0, 0
	for _, k := range kills {
		if k.name == name {
			n, again = n+1, again+k.again
		}
	}
	if n > 0 {
		fmt.Printf("MAILCRASH at=%s kills=%d twice=%d\n", name, n, again)
	}
}

// oneMailCrash starts the server, lets people invite until it is killed at a stage, and
// returns how many mails there are then.
func oneMailCrash(h *harness, server *testenv.SMTP, all []*inviter, at string, random *rand.Rand) int {
	if at == "away" {
		server.Stop()
	}
	h.must(h.start())
	stop := make(chan struct{})
	var writing sync.WaitGroup
	for _, i := range all {
		writing.Go(func() { i.invite(stop) })
	}
	switch at {
	case "any", "away":
		time.Sleep(testenv.Life(random))
	case "queued":
		h.awaitWrites(all, 1+random.Int64N(writers*mostInvited/2))
	case "flush":
		h.awaitWrites(all, 1+random.Int64N(writers*mostInvited/2))
		before := h.flushed()
		h.await("a flush", func() bool { return h.flushed().After(before) })
	case "connect": // there is one for many mails
		server.SetTrap(at, 1, h.pid())
		h.await("the trap", h.ended)
	default:
		server.SetTrap(at, 1+random.IntN(20), h.pid())
		h.await("the trap", h.ended)
	}
	h.kill()
	close(stop)
	writing.Wait()
	if at == "away" {
		server.Start()
	}
	n := settled(server)
	if out, err := h.convene("admin", "verify"); err != nil {
		h.t.Fatalf("verify after a kill: %v\n%s", err, out)
	}
	return n
}

// settled is how many mails there are when the mail server has taken what was on the
// way.
func settled(server *testenv.SMTP) int {
	n := -1
	for now := len(server.Mails()); now != n; now = len(server.Mails()) {
		n = now
		time.Sleep(200 * time.Millisecond)
	}
	return n
}

// await waits for something that the server does. It looks often, for a kill that comes
// late is at another place.
func (h *harness) await(what string, ok func() bool) {
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Microsecond) {
		if ok() {
			return
		}
	}
	h.t.Fatalf("%s did not come\n%s", what, h.output())
}

// awaitWrites waits until so many more writes are acknowledged.
func (h *harness) awaitWrites(all []*inviter, n int64) {
	until := acknowledgedBy(all) + n
	h.await("a write", func() bool { return acknowledgedBy(all) >= until })
}

func (h *harness) pid() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.proc.Pid
}

// ended reports whether the server has ended by itself, or was killed by another.
func (h *harness) ended() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.proc.Done():
		return true
	default:
		return false
	}
}

func (h *harness) store() string { return filepath.Join(h.config.Server.Data, "calendars.db") }

// flushed is when the store's file was written last.
func (h *harness) flushed() time.Time {
	info, err := os.Stat(h.store())
	h.must(err)
	return info.ModTime()
}

// acknowledgedBy counts what was acknowledged.
func acknowledgedBy(all []*inviter) (n int64) {
	for _, i := range all {
		n += i.acknowledged.Load()
	}
	return n
}

// checkMarks expects that the store of the stopped server knows of each mail that it was
// sent.
func (h *harness) checkMarks(sent []testenv.Mail) (err error) {
	s, err := store.Open(h.store(), store.Options{Indexer: calendar.Index})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.View(h.t.ctx, func(tx *store.Tx) error {
		var owners []string
		for owner := range tx.Owners() {
			owners = append(owners, string(owner))
		}
		for _, m := range sent {
			uid, _, _ := strings.Cut(strings.Trim(m.To, "<>"), "@")
			marked := false
			for _, owner := range owners {
				letter := imip.Letter{Owner: owner, UID: uid, To: imip.Mailbox{Address: strings.Trim(m.To, "<>")}}
				mark, err := tx.Marked(letter.Thread())
				if err != nil {
					return err
				}
				marked = marked || mark != nil && len(mark.Keys) == 1
			}
			if !marked {
				return fmt.Errorf("it is not noted that %s was sent", uid)
			}
		}
		return nil
	})
}

// drainMail waits until no mail waits.
func (h *harness) drainMail() {
	var list struct{ Letters []struct{ ID string } }
	for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		out, err := h.convene("mail", "list", "--json")
		h.must(err)
		h.must(json.Unmarshal([]byte(out), &list))
		if len(list.Letters) == 0 {
			return
		}
	}
	h.t.Fatalf("%d mails still wait", len(list.Letters))
}

// An inviter writes one event after the other, each with a guest from elsewhere.
type inviter struct {
	user    string
	port    int
	client  *http.Client
	count   int
	written map[string]bool // by UID: whether it was acknowledged

	acknowledged atomic.Int64
}

// mostInvited bounds what one writes in a life of the server: mail goes out more slowly,
// and in the end all of it must have.
const mostInvited = 40

// invite writes events until stop, or until the server is gone.
func (i *inviter) invite(stop <-chan struct{}) {
	for range mostInvited {
		select {
		case <-stop:
			return
		default:
		}
		i.count++
		uid := fmt.Sprintf("%s-%d", i.user, i.count)
		i.written[uid] = false
		if i.put(uid) != nil {
			return
		}
		i.written[uid] = true
		i.acknowledged.Add(1)
	}
}

func (i *inviter) put(uid string) error {
	self := "mailto:" + i.user + "@example.com"
	body := strings.Join([]string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//harness//EN", "BEGIN:VEVENT", "UID:" + uid, "DTSTAMP:20260101T000000Z",
		"DTSTART:20400101T120000Z", "DURATION:PT1H", "SUMMARY:" + uid, "ORGANIZER:" + self, "ATTENDEE;PARTSTAT=ACCEPTED:" + self,
		"ATTENDEE;RSVP=TRUE:mailto:" + uid + "@elsewhere.example", "END:VEVENT", "END:VCALENDAR", "",
	}, "\r\n")
	url := fmt.Sprintf("http://127.0.0.1:%d/calendars/users/%s/calendar/%s.ics", i.port, i.user, uid)
	r, err := http.NewRequest("PUT", url, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.SetBasicAuth(i.user, i.user)
	resp, err := i.client.Do(r)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("%s: %s", uid, resp.Status)
	}
	return nil
}

// judgeMails compares what was sent, in order, with what was written, and returns how
// many mails came again, which it counts at each kill.
func judgeMails(sent []testenv.Mail, written map[string]bool, kills []killed) (twice int, err error) {
	ids := map[string]string{} // of guests
	last := map[string]int{}   // the life of the server in which a guest had mail last
	for at, m := range sent {
		uid, _, _ := strings.Cut(strings.Trim(m.To, "<>"), "@")
		if _, ok := written[uid]; !ok {
			return 0, fmt.Errorf("%s has mail about what nobody wrote", m.To)
		}
		parsed, err := mail.ReadMessage(strings.NewReader(m.Text))
		if err != nil {
			return 0, fmt.Errorf("%s: %w", m.To, err)
		}
		id := parsed.Header.Get("Message-Id")
		life, _ := slices.BinarySearchFunc(kills, at+1, func(k killed, n int) int { return k.mails - n })
		if before, ok := ids[uid]; ok {
			switch {
			case before != id:
				return 0, fmt.Errorf("%s has two mails, %s and %s", m.To, before, id)
			case last[uid] == life:
				return 0, fmt.Errorf("%s has %s twice, without a kill between", m.To, id)
			}
			twice++
			kills[last[uid]].again++
		}
		ids[uid], last[uid] = id, life
	}
	for uid, acknowledged := range written {
		if acknowledged && ids[uid] == "" {
			return 0, fmt.Errorf("%s was acknowledged, and its guest has no mail", uid)
		}
	}
	for i, k := range kills {
		if k.again < k.fewest || k.again > k.most {
			return 0, fmt.Errorf("after kill %d, at %q, %d mails came again, not %d to %d", i+1, k.name, k.again, k.fewest, k.most)
		}
	}
	return twice, nil
}
