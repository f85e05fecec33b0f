package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	"convene/testenv"
)

// mailcrash kills the server n times while people invite guests from elsewhere, and
// counts in the end what a mail server got: every acknowledged invitation at least
// once, none that nobody wrote, and twice only what was under way at a kill, under
// the same Message-ID.
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
	h.must(h.start())

	var all []*inviter
	for _, u := range users {
		all = append(all, &inviter{user: u, port: h.http, client: &http.Client{Timeout: 30 * time.Second}, written: map[string]bool{}})
	}
	random := rand.New(rand.NewPCG(seed, 1<<32))
	var kills []int // how many mails there were at each
	for round := 1; round <= n; round++ {
		kills = append(kills, oneMailCrash(h, server, all, testenv.Life(random)))
		if round%10 == 0 || round == n {
			h.t.Logf("mailcrash: %d of %d kills, %d mails", round, n, kills[len(kills)-1])
		}
	}
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
	twice, err := judgeMails(sent, written, kills, c.Mail.Connections)
	h.must(err)
	fmt.Printf("MAILCRASH kills=%d acknowledged=%d cutoff=%d mails=%d twice=%d lost=0 verify=clean\n", n, acknowledged, cutOff, len(sent), twice)
	return 0
}

// oneMailCrash lets people invite for a while, kills the server and starts it again. It
// returns how many mails there were.
func oneMailCrash(h *harness, server *testenv.SMTP, all []*inviter, life time.Duration) int {
	stop := make(chan struct{})
	var writing sync.WaitGroup
	for _, i := range all {
		writing.Go(func() { i.invite(stop) })
	}
	time.Sleep(life)
	h.kill()
	close(stop)
	writing.Wait()
	time.Sleep(50 * time.Millisecond) // the mail server takes what was on the way
	n := len(server.Mails())
	if out, err := h.convene("admin", "verify"); err != nil {
		h.t.Fatalf("verify after a kill: %v\n%s", err, out)
	}
	h.must(h.start())
	return n
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
}

// invite writes events until stop, or until the server is gone.
func (i *inviter) invite(stop <-chan struct{}) {
	for {
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
// many mails came again. kills are the numbers of mails there were at each kill.
func judgeMails(sent []testenv.Mail, written map[string]bool, kills []int, connections int) (twice int, err error) {
	ids := map[string]string{}    // of guests
	last := map[string]int{}      // the life of the server in which a guest had mail last
	again := make(map[int]int, 8) // how many mails of a life came again in a later one
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
		life, _ := slices.BinarySearch(kills, at+1)
		if before, ok := ids[uid]; ok {
			switch {
			case before != id:
				return 0, fmt.Errorf("%s has two mails, %s and %s", m.To, before, id)
			case last[uid] == life:
				return 0, fmt.Errorf("%s has %s twice, without a kill between", m.To, id)
			}
			twice++
			if again[last[uid]]++; again[last[uid]] > connections {
				return 0, fmt.Errorf("after one kill more mails came again than there are connections")
			}
		}
		ids[uid], last[uid] = id, life
	}
	for uid, acknowledged := range written {
		if acknowledged && ids[uid] == "" {
			return 0, fmt.Errorf("%s was acknowledged, and its guest has no mail", uid)
		}
	}
	return twice, nil
}
