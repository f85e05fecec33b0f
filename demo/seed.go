package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	url    string
	now    time.Time
	events int // stored
}

// seedOnce stores the samples, unless marker, a file, says that they are there.
func (s *seeder) seedOnce(ctx context.Context, marker string) error {
	if _, err := os.Stat(marker); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.seed(ctx); err != nil {
		return err
	}
	return os.WriteFile(marker, []byte(s.now.Format(time.RFC3339)+"\n"), 0o600)
}

func (s *seeder) seed(ctx context.Context) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: seeders}}
	defer client.CloseIdleConnections()
	var stored atomic.Int64
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(seeders)
	for _, x := range samples(s.now) {
		group.Go(func() error {
			stored.Add(1)
			return s.put(within, client, x)
		})
	}
	err := group.Wait()
	s.events = int(stored.Load())
	for _, d := range delegates {
		err = errors.Join(err, s.name(ctx, client, d))
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
func (s *seeder) name(ctx context.Context, client *http.Client, d delegation) error {
	path := fmt.Sprintf("/principals/users/%s/%s/", d.delegator, d.group)
	body := `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:group-member-set><D:href>/principals/` + d.delegate +
		`/</D:href></D:group-member-set></D:prop></D:set></D:propertyupdate>`
	r, err := http.NewRequestWithContext(ctx, "PROPPATCH", s.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.SetBasicAuth(d.delegator, password)
	r.Header.Set("User-Agent", "convene demo")
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusMultiStatus || !strings.Contains(string(text), "HTTP/1.1 200 ") {
		return fmt.Errorf("PROPPATCH %s: %s: %s", path, resp.Status, text)
	}
	return nil
}

func (s *seeder) put(ctx context.Context, client *http.Client, x sample) error {
	path := fmt.Sprintf("/calendars/%s/%s/%s", x.owner, x.list, x.name)
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, s.url+path, strings.NewReader(x.body))
	if err != nil {
		return err
	}
	who := administrator
	if user, ok := strings.CutPrefix(x.owner, "users/"); ok {
		who = user
	}
	r.SetBasicAuth(who, password)
	r.Header.Set("Content-Type", "text/calendar; charset=utf-8")
	r.Header.Set("If-None-Match", "*")
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("PUT %s: %s: %s", path, resp.Status, text)
	}
	return nil
}
