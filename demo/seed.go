package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// seeders is how many requests fill calendars at the same time.
const seeders = 16

// administrator may write to everybody's calendars.
const administrator = "hana"

// A seeder fills a server with the sample calendars, as a client.
type seeder struct {
	client *http.Client
	url    string
	now    time.Time
	events int // stored
}

// seedOnce stores the samples, unless marker, a file, says that they are there.
func (s *seeder) seedOnce(ctx context.Context, server http.Handler, marker string) error {
	if _, err := os.Stat(marker); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.seedThrough(ctx, server); err != nil {
		return err
	}
	return os.WriteFile(marker, []byte(s.now.Format(time.RFC3339)+"\n"), 0o600)
}

// seedThrough opens a door of its own for the seeder, on a port that nobody knows, and
// closes it in the end.
func (s *seeder) seedThrough(ctx context.Context, server http.Handler) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.url = "http://" + l.Addr().String()
	s.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: seeders}}
	door := &http.Server{Handler: server, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- door.Serve(l) }()
	err = s.seed(ctx)
	s.client.CloseIdleConnections()
	err = errors.Join(err, door.Shutdown(context.WithoutCancel(ctx))) // nothing may use the server when it is closed
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

func (s *seeder) seed(ctx context.Context) error {
	var stored atomic.Int64
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(seeders)
	for _, x := range samples(s.now) {
		group.Go(func() error {
			stored.Add(1)
			return s.put(within, x)
		})
	}
	err := group.Wait()
	s.events = int(stored.Load())
	for _, d := range delegates {
		err = errors.Join(err, s.name(ctx, d))
	}
	for who, where := range abroad {
		err = errors.Join(err, s.set(ctx, who, "/calendars/users/"+who+"/calendar/",
			`<C:calendar-timezone-id xmlns:C="urn:ietf:params:xml:ns:caldav">`+where+`</C:calendar-timezone-id>`))
	}
	return err
}

// A delegation is who may do something for somebody of the company.
type delegation struct {
	delegator, group string // group is calendar-proxy-read or -write
	delegate         string // TYPE/NAME, as in /principals/TYPE/NAME/
}

// delegates are as people would set them: Maria's assistant does everything for her,
// and both assistants can look.
var delegates = []delegation{
	{"maria", "calendar-proxy-write", "users/tom"},
	{"maria", "calendar-proxy-read", "groups/assistants"},
	{"ines", "calendar-proxy-write", "users/sofia"},
}

// name makes somebody a delegate, as the delegator's calendar program does.
func (s *seeder) name(ctx context.Context, d delegation) error {
	return s.set(ctx, d.delegator, fmt.Sprintf("/principals/users/%s/%s/", d.delegator, d.group),
		`<D:group-member-set><D:href>/principals/`+d.delegate+`/</D:href></D:group-member-set>`)
}

// set sets a property, an element with D for DAV:, of something of somebody's.
func (s *seeder) set(ctx context.Context, who, path, property string) error {
	body := `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop>` + property + `</D:prop></D:set></D:propertyupdate>`
	r, err := s.request(ctx, who, "PROPPATCH", path, body)
	if err != nil {
		return err
	}
	return s.do(r, http.StatusMultiStatus, "HTTP/1.1 200 ")
}

func (s *seeder) put(ctx context.Context, x sample) error {
	who := administrator
	if user, ok := strings.CutPrefix(x.owner, "users/"); ok {
		who = user
	}
	r, err := s.request(ctx, who, http.MethodPut, fmt.Sprintf("/calendars/%s/%s/%s", x.owner, x.list, x.name), x.body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "text/calendar; charset=utf-8")
	r.Header.Set("If-None-Match", "*")
	return s.do(r, http.StatusCreated, "")
}

func (s *seeder) request(ctx context.Context, who, method, path, body string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.SetBasicAuth(who, password)
	r.Header.Set("User-Agent", "convene demo")
	return r, nil
}

// do sends a request. A response of another status, or without some text, is an error.
func (s *seeder) do(r *http.Request, status int, contains string) error {
	resp, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != status || !strings.Contains(string(text), contains) {
		return fmt.Errorf("%s %s: %s: %s", r.Method, r.URL.Path, resp.Status, text)
	}
	return nil
}
