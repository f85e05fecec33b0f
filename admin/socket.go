package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// SocketName is the name of the socket in the data folder.
const SocketName = "control.sock"

// ErrNotRunning says that no server runs with this data folder.
var ErrNotRunning = errors.New("no server runs with this data folder")

// maxRequest bounds a request on the socket, in bytes. Files of delegates come in one:
// a hundred thousand delegations are some 30 MB as a database, and a third more in JSON.
const maxRequest = 128 << 20

// Handler serves the verbs on a connection whose other end is trusted. admin
// gives what they work on at that moment, and what to call afterwards. The server
// must have WithPeer as its ConnContext for the audit log to know who calls.
func Handler(admin func() (*Admin, func())) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			respond(w, nil, fmt.Errorf("%w: %w", ErrRequest, err))
			return
		}
		a, done := admin()
		defer done()
		name := strings.TrimPrefix(r.URL.Path, "/")
		if name, ok := strings.CutPrefix(name, streamPath); ok {
			respondStream(w, func(out io.Writer) error { return a.calledBy(r).stream(r.Context(), name, body, out) })
			return
		}
		out, err := a.calledBy(r).do(r.Context(), name, body)
		respond(w, out, err)
	})
}

const (
	// streamPath begins the path of a verb whose value are bytes.
	streamPath = "stream/"
	// problemTrailer has the Problem that ended a stream, as JSON. A stream that
	// ends well has it too, and empty: one without it was cut off.
	problemTrailer = "Convene-Problem"
)

// respondStream sends the bytes that fill writes, and what became of it in a trailer,
// since by then the status is gone.
func respondStream(w http.ResponseWriter, fill func(io.Writer) error) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Trailer", problemTrailer)
	out := &started{Writer: w}
	err := fill(out)
	switch {
	case err != nil && !out.started:
		w.Header().Del("Trailer")
		respond(w, nil, err)
	case err != nil:
		k := KindOf(err)
		text, merr := json.Marshal(Problem{err.Error(), k.Name, k.Cure})
		if merr != nil {
			return // cut off
		}
		w.Header().Set(problemTrailer, string(text))
	default:
		w.Header().Set(problemTrailer, "{}")
	}
}

// Flush sends what was written so far.
func (s *started) Flush() {
	if f, is := s.Writer.(http.Flusher); is {
		f.Flush()
	}
}

// started notes whether something was written.
type started struct {
	io.Writer
	started bool
}

func (s *started) Write(p []byte) (int, error) {
	s.started = true
	return s.Writer.Write(p)
}

func respond(w http.ResponseWriter, out []byte, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		k := KindOf(err)
		w.WriteHeader(k.Status.http())
		if out, err = json.Marshal(Problem{err.Error(), k.Name, k.Cure}); err != nil {
			return
		}
	}
	// The command may have been interrupted; nobody else waits for it.
	_, _ = w.Write(out)
}

// A Client calls verbs of a running server. It is a Conn.
type Client struct{ http http.Client }

// Dial finds the server that runs with a data folder. Errors: ErrNotRunning,
// and a refusal of the system, as for somebody else's server.
func Dial(ctx context.Context, dataDir string) (*Client, error) {
	path, done, err := shortPath(dataDir)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	done()
	switch {
	case errors.Is(err, os.ErrNotExist), isRefused(err):
		return nil, fmt.Errorf("%s: %w", dataDir, ErrNotRunning)
	case err != nil:
		return nil, fmt.Errorf("control socket: %w", err)
	}
	first := make(chan net.Conn, 1)
	first <- c
	return &Client{http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			select {
			case c := <-first:
				return c, nil
			default:
			}
			path, done, err := shortPath(dataDir)
			if err != nil {
				return nil, err
			}
			defer done()
			return d.DialContext(ctx, "unix", path)
		},
	}}}, nil
}

// Close closes the connection.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// Call implements Conn.
func (c *Client) Call(ctx context.Context, name string, in, out any) error {
	resp, err := c.post(ctx, name, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refusal(resp)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("running server: %w", err)
	}
	return json.Unmarshal(body, out)
}

// Stream implements Conn.
func (c *Client) Stream(ctx context.Context, name string, in any, out io.Writer) error {
	resp, err := c.post(ctx, streamPath+name, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refusal(resp)
	}
	if _, err := io.Copy(out, resp.Body); err != nil {
		return fmt.Errorf("running server: %w", err)
	}
	var p Problem
	if err := json.Unmarshal([]byte(resp.Trailer.Get(problemTrailer)), &p); err != nil {
		return errors.New("running server: it stopped before the end")
	}
	if p.Error != "" {
		return remote(p)
	}
	return nil
}

func (c *Client) post(ctx context.Context, path string, in any) (*http.Response, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://control/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("running server: %w", err)
	}
	return resp, nil
}

// refusal is the error that a response tells of.
func refusal(resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("running server: %w", err)
	}
	var p Problem
	if err := json.Unmarshal(body, &p); err != nil {
		return fmt.Errorf("running server: %s", resp.Status)
	}
	return remote(p)
}

// Listen opens the socket in a data folder, in place of one that a server left
// behind that was killed. The caller holds the data folder's files, so no
// other server can be using it.
func Listen(dataDir string) (net.Listener, error) {
	path := filepath.Join(dataDir, SocketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	short, done, err := shortPath(dataDir)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	defer done()
	l, err := net.Listen("unix", short)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // by its real name instead
	l = &unlinking{l, path}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("control socket: %w", err), l.Close())
	}
	return l, nil
}

type unlinking struct {
	net.Listener
	path string
}

// Close removes the socket; that somebody has done so before is no failure.
func (l *unlinking) Close() error {
	err := os.Remove(l.path)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, l.Listener.Close())
}

// maxSocketPath is the length in bytes that every system takes for the path
// of a socket.
const maxSocketPath = 100

// shortPath is the path of the socket in a data folder, in a form short enough
// to be the address of a socket. It is good until done is called.
func shortPath(dataDir string) (path string, done func(), err error) {
	path = filepath.Join(dataDir, SocketName)
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	if runtime.GOOS != "linux" {
		return "", nil, fmt.Errorf("the path %s is too long for a socket; use a shorter one for the data folder", path)
	}
	dir, err := os.Open(dataDir)
	if err != nil {
		return "", nil, err
	}
	// Nothing was written through the folder's handle that could be lost.
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), SocketName), func() { _ = dir.Close() }, nil
}
