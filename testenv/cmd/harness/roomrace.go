package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"convene/testenv"
)

// A roomRace says how many clients book one room, for how long, and how often the server
// is killed under them afterwards.
type roomRace struct {
	clients int
	length  time.Duration
	rounds  int
	seed    uint64
}

// slotsPerRound is how many times of the room are fought for at once. Each round has its
// own, so that what was held in the one before is left as it was.
const slotsPerRound = 40

// A race is a room, those who want it, and what came of it so far.
type race struct {
	h       *harness
	begun   time.Time
	first   time.Time // when the first slot begins
	bookers []*booker
	history []roomOp
	counts  map[string]int // won, lost and cancelled, and cut off
	rounds  int            // begun
}

// runRoomRace lets clients book a room for times that overlap, on every way that there
// is, first in peace and then with kills. After each round all calendars are read: no two
// bookings overlap, and each organizer's copy says that the room accepted it exactly if
// the room has it. What was asked and answered must have an order in which each answer
// was right.
func runRoomRace(h *harness, want roomRace) int {
	r := startRoomRace(h, want)
	r.round(want.length, false)
	h.t.Logf("roomrace: %v in peace: %s", want.length, r.tally())
	random := rand.New(rand.NewPCG(want.seed, 1<<32))
	for n := 1; n <= want.rounds; n++ {
		r.round(testenv.Life(random), true)
		if n%5 == 0 || n == want.rounds {
			h.t.Logf("roomrace: %d of %d kills: %s", n, want.rounds, r.tally())
		}
	}
	h.must(h.stop())
	if out, err := h.convene("admin", "verify"); err != nil {
		h.t.Fatalf("verify: %v\n%s", err, out)
	}
	h.must(linearizable(r.history))
	fmt.Printf("ROOMRACE clients=%d kills=%d slots=%d operations=%d %s overlaps=0 disagreements=0 verify=clean linearizable=yes\n",
		want.clients, want.rounds, r.rounds*slotsPerRound, len(r.history), r.tally())
	return 0
}

// startRoomRace starts the server with a room, whose delegates all the bookers are.
func startRoomRace(h *harness, want roomRace) *race {
	const base = "dc=example,dc=com"
	var users []string
	for i := range want.clients {
		users = append(users, fmt.Sprintf("user%03d", i+1))
	}
	c := &h.config
	c.Directory.Kind = "file"
	c.Directory.File.File = h.writeUsers(base, users)
	c.Directory.File.Locations.Filter = "(objectClass=room)"
	h.must(addRoom(c.Directory.File.File, base, users))
	c.Quota.Bytes, c.Storage.Reserve = 0, 0
	h.use(0, 0)
	h.must(h.start())
	if out, err := h.convene("room", "set", "group:rooms", "pool=true"); err != nil {
		h.t.Fatalf("the pool: %v\n%s", err, out)
	}
	if out, err := h.convene("delegate", "add", "oak", "group:all", "--write"); err != nil {
		h.t.Fatalf("delegates of the room: %v\n%s", err, out)
	}
	r := &race{h: h, begun: time.Now(), counts: map[string]int{}}
	r.first = r.begun.UTC().Truncate(24*time.Hour).AddDate(0, 0, 7) // in a time in which rooms can be booked
	for i, u := range users {
		r.bookers = append(r.bookers, &booker{
			race: r, user: u, random: rand.New(rand.NewPCG(want.seed, uint64(i))),
			client: &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{}},
		})
	}
	return r
}

// addRoom adds the room, a group of rooms, and the group of all users, to a directory's file.
func addRoom(file, base string, users []string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "dn: cn=oak,%s\nobjectClass: room\ncn: oak\ndisplayName: Oak Room\nmail: oak@example.com\n\n", base)
	fmt.Fprintf(&b, "dn: cn=rooms,%s\nobjectClass: groupOfNames\ncn: rooms\nmail: %s\nmember: cn=oak,%s\n\n", base, poolAddress, base)
	fmt.Fprintf(&b, "dn: cn=all,%s\nobjectClass: groupOfNames\ncn: all\n", base)
	for _, u := range users {
		fmt.Fprintf(&b, "member: uid=%s,ou=people,%s\n", u, base)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(before, b.String()...), 0o600)
}

// slotOf is the slot that has a time.
func (r *race) slotOf(at time.Time) int { return int(at.Sub(r.first) / slotLength) }

// clock is the time since the race began.
func (r *race) clock() int64 { return int64(time.Since(r.begun)) }

// round lets all bookers book for a while, in slots of its own, and judges what is there
// then; with kill, the server is killed under them.
func (r *race) round(length time.Duration, kill bool) {
	first := r.rounds * slotsPerRound
	r.rounds++
	stop := make(chan struct{})
	var booking sync.WaitGroup
	for _, b := range r.bookers {
		booking.Go(func() { b.book(stop, first) })
	}
	time.Sleep(length)
	killed := r.clock()
	if kill {
		r.h.kill()
	}
	close(stop)
	booking.Wait()
	over := r.clock()
	if kill {
		r.h.must(r.h.start())
	}
	for _, b := range r.bookers {
		if b.refused != nil || b.failed != nil && (!kill || b.failedAt < killed) {
			r.h.t.Fatalf("%s: %v %v\nserver:\n%s", b.user, b.refused, b.failed, r.h.output())
		}
		r.take(b, over)
	}
	r.judge(first)
}

// take takes over what a booker did in a round that was over at a time. What had no
// answer then was done before, or never: nobody was left to do it.
func (r *race) take(b *booker, over int64) {
	for _, op := range b.history {
		if op.outcome == unknown {
			op.returned = over
		}
		r.counts[op.word()]++
		r.history = append(r.history, op)
	}
	b.history, b.failed = nil, nil
}

func (r *race) tally() string {
	c := r.counts
	return fmt.Sprintf("won=%d lost=%d cancelled=%d cutoff=%d", c["won"], c["lost"], c["cancelled"], c["cut off"])
}

// judge reads all calendars, and notes who has each slot of the round that begins with
// first.
func (r *race) judge(first int) {
	for _, args := range [][]string{{"verify", "--rooms"}, {"verify", "--scheduling"}} {
		if out, err := r.h.convene(args...); err != nil {
			r.h.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	called := r.clock()
	room, err := r.bookers[0].roomCalendar()
	r.h.must(err)
	returned := r.clock()
	r.h.must(noOverlap(room))
	for _, b := range r.bookers {
		own, err := b.ownCalendar()
		r.h.must(err)
		r.h.must(agree(b.user, own, room))
	}
	holders := map[int]string{}
	for _, m := range room {
		holders[r.slotOf(m.start)] = m.name
	}
	for slot := first; slot < first+slotsPerRound; slot++ {
		r.history = append(r.history, roomOp{slot: slot, kind: look, name: holders[slot], called: called, returned: returned})
	}
}
