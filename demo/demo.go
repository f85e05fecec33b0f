package demo

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"text/template"
	"time"

	"convene/config"
	"convene/directory/memldap"
	"convene/internal/logging"
	"convene/server"
)

//go:embed company.ldif
var company []byte

//go:embed convene.toml
var configText string

// password is everybody's.
const password = "demo"

// Options say where the demonstration runs.
type Options struct {
	Data    string    // folder to keep; "": a temporary one
	HTTP    int       // port without TLS; 0: any
	HTTPS   int       // port with TLS; 0: any
	Out     io.Writer // takes the guide
	Stderr  io.Writer // takes the error log: warnings and worse
	Now     func() time.Time
	Version string // of the program, for its pages
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

	text, config, err := configure(o, address)
	if err != nil {
		return err
	}
	server, err := server.Open(server.Options{Config: config, Stderr: o.Stderr, Now: o.Now, Version: o.Version})
	if err != nil {
		return err
	}
	events, err := open(ctx, o, server, text)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	g := guide{Options: o, HTTP: find(server.URLs(), "http://"), HTTPS: find(server.URLs(), "https://"), Events: events, Took: time.Since(begun)}
	return serve(ctx, server, func() error { return g.write(o.Out) })
}

// open lets clients come when everything is there for them: calendars and delegates
// first, then the ports. The configuration is written when the folder is known to be in
// use by nobody else. It returns how many events were stored.
func open(ctx context.Context, o Options, server *server.Server, config []byte) (events int, err error) {
	if err := os.WriteFile(filepath.Join(o.Data, configName), config, 0o600); err != nil {
		return 0, fmt.Errorf("configuration: %w", err)
	}
	s := &seeder{now: o.Now().UTC()}
	if err := s.seedOnce(ctx, server.Handler(), filepath.Join(o.Data, "demo-seeded")); err != nil {
		return 0, fmt.Errorf("sample calendars: %w", err)
	}
	if err := server.Listen(); err != nil {
		return 0, fmt.Errorf("%w; choose other ports with --http and --https", err)
	}
	return s.events, nil
}

// serve serves until ctx is done, or what is told meanwhile fails.
func serve(ctx context.Context, server *server.Server, tell func() error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx) }()
	err := tell()
	if err != nil {
		cancel()
	}
	return errors.Join(err, <-served)
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

// configName is the file in the data folder that commands take.
const configName = "convene.toml"

// configure returns the demonstration's configuration: the file, and what is read of it as
// of a site's.
func configure(o Options, directoryAddress string) (text []byte, c config.Config, err error) {
	data, err := filepath.Abs(o.Data)
	if err != nil {
		return nil, c, err
	}
	t, err := template.New(configName).Funcs(template.FuncMap{"json": quote}).Parse(configText)
	if err != nil {
		return nil, c, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, map[string]any{
		"HTTP": loopback(o.HTTP), "HTTPS": loopback(o.HTTPS), "Data": data, "Directory": "ldap://" + directoryAddress,
	}); err != nil {
		return nil, c, err
	}
	c, err = config.Parse(filepath.Join(data, configName), b.Bytes(), nil)
	return b.Bytes(), c, err
}

// quote writes a value as JSON, which strings and lists of strings in TOML are too.
func quote(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
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
