package demo

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"convene/config"
	"convene/directory"
	"convene/directory/memldap"
	"convene/internal/logging"
	"convene/server"
)

//go:embed company.ldif
var company []byte

// base is where the company is in the directory.
const base = "dc=example,dc=com"

// password is everybody's.
const password = "demo"

// Options say where the demonstration runs.
type Options struct {
	Data   string    // folder to keep; "": a temporary one
	HTTP   int       // port without TLS; 0: any
	HTTPS  int       // port with TLS; 0: any
	Out    io.Writer // takes the guide
	Stderr io.Writer // takes the error log: warnings and worse
	Now    func() time.Time
}

// Run starts everything, writes the guide, and serves until ctx is done. Then
// a temporary folder is removed.
func Run(ctx context.Context, o Options) (err error) {
	begun := time.Now()
	if o.Data == "" {
		if o.Data, err = os.MkdirTemp("", "convene-demo-"); err != nil {
			return fmt.Errorf("temporary folder: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.Data)) }()
	}
	log := slog.New(logging.NewTextHandler(o.Stderr, slog.LevelWarn))
	dir, address, err := serveDirectory(log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()

	config := Config(o, address)
	server, err := server.Open(server.Options{Config: config, Stderr: o.Stderr, Now: o.Now})
	if err != nil {
		return err
	}
	if err := server.Listen(); err != nil {
		return errors.Join(fmt.Errorf("%w; choose other ports with --http and --https", err), server.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var served sync.WaitGroup
	var failed error
	served.Go(func() { failed = server.Serve(ctx); cancel() })

	s := &seeder{url: find(server.URLs(), "http://"), now: o.Now().UTC()}
	if err := s.seedOnce(ctx, filepath.Join(o.Data, "demo-seeded")); err != nil {
		cancel()
		served.Wait()
		return errors.Join(fmt.Errorf("sample calendars: %w", err), failed)
	}
	g := guide{Options: o, HTTP: find(server.URLs(), "http://"), HTTPS: find(server.URLs(), "https://"), Events: s.events, Took: time.Since(begun)}
	if err := g.write(o.Out); err != nil {
		cancel()
		served.Wait()
		return errors.Join(err, failed)
	}
	served.Wait()
	return failed
}

// serveDirectory serves the company on a loopback port.
func serveDirectory(log *slog.Logger) (*memldap.Server, string, error) {
	dir, err := memldap.NewLDIF(bytes.NewReader(company), memldap.Options{Log: log})
	if err != nil {
		return nil, "", fmt.Errorf("company.ldif: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("demonstration directory: %w", err)
	}
	go func() {
		if err := dir.Serve(l); err != nil && !errors.Is(err, net.ErrClosed) {
			log.Error("demonstration directory", "err", err)
		}
	}()
	return dir, l.Addr().String(), nil
}

// Config is the demonstration's configuration: what a site writes for a
// directory of its own, but for the ports.
func Config(o Options, directoryAddress string) config.Config {
	c := config.Default()
	c.Server.HostName = "localhost"
	c.Server.HTTP, c.Server.HTTPS = loopback(o.HTTP), loopback(o.HTTPS)
	c.Server.Data = o.Data
	c.Server.AllowRoot = true // a folder of its own, and loopback only
	c.Log.Level = "warn"
	c.Auth.Schemes = []string{"basic"}
	c.Auth.BasicOverPlain = true // so that curl needs no certificate
	l := &c.Directory.LDAP
	l.URLs = []string{"ldap://" + directoryAddress}
	l.Preset, l.Base = "openldap", []string{base}
	l.Users.CalendarEnabled = []string{"!employeeType:contractor"}
	l.Users.WriteDelegates = "secretary"
	l.Locations = directory.RecordConfig{Capacity: "description", Floor: "departmentNumber", Features: []string{"businessCategory"}}
	c.Access.Administrators = []string{"group:calendar-admins"}
	return c
}

// loopback returns the addresses of a port: of both kinds, where there is IPv6.
func loopback(port int) []string {
	list := []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	if port == 0 {
		return list // two ports would differ
	}
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil && l.Close() == nil {
		list = append(list, net.JoinHostPort("::1", strconv.Itoa(port)))
	}
	return list
}

// find returns the first of some URLs that has a scheme.
func find(urls []string, scheme string) string {
	for _, u := range urls {
		if rest, ok := bytes.CutPrefix([]byte(u), []byte(scheme)); ok {
			_, port, err := net.SplitHostPort(string(rest))
			if err == nil {
				return scheme + "localhost:" + port
			}
		}
	}
	return ""
}
