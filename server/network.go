package server

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"

	"convene/config"
)

// A network is the addresses that the server listens on and the connections that
// came through them.
type network struct {
	log    *slog.Logger
	slots  *slots
	plain  *http.Server
	secure *http.Server
	failed chan error // of accepting connections

	mu        sync.Mutex // guards what follows
	listeners []*listener
	serving   bool
	accepting sync.WaitGroup
}

// newNetwork serves handler under the limits of c. It listens on nothing yet.
func newNetwork(c *config.Config, handler http.Handler, certs *certificates, log *slog.Logger) (*network, error) {
	n := &network{
		log: log, slots: newSlots(c.Limits.Connections, c.Limits.PerAddress, log), failed: make(chan error, 1),
		plain: httpServer(c, handler, log), secure: httpServer(c, handler, log),
	}
	n.slots.proxies.Store(newProxies(c))
	n.plain.Protocols.SetHTTP2(false) // no Upgrade: h2c, on which Thunderbird stumbles
	n.secure.TLSConfig = certs.config(c)
	return n, askForCertificates(n.secure.TLSConfig, c.TLS.ClientCAFile)
}

// What a client may send on an HTTP/2 connection before its bodies are read, in
// bytes: it is kept before anybody has signed in, and outside the memory of requests.
const (
	connectionBuffer = 256 << 10
	streamBuffer     = 128 << 10
)

func httpServer(c *config.Config, handler http.Handler, errorLog *slog.Logger) *http.Server {
	h := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: c.Limits.HeaderTime,
		ReadTimeout:       c.Limits.ReadTime,
		WriteTimeout:      c.Limits.WriteTime,
		IdleTimeout:       c.Limits.IdleTime,
		MaxHeaderBytes:    int(c.Limits.Header),
		ConnContext:       trackConn,
		ErrorLog:          log.New(httpErrors{errorLog}, "", 0),
		Protocols:         new(http.Protocols),
	}
	h.Protocols.SetHTTP1(true)
	h.Protocols.SetHTTP2(true)
	h.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams:          c.Limits.Streams,
		MaxReceiveBufferPerConnection: connectionBuffer,
		MaxReceiveBufferPerStream:     streamBuffer,
	}
	return h
}

// listen opens the addresses of c, or takes those that systemd opened instead,
// unless that was done already.
func (n *network) listen(c *config.Server) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners != nil {
		return nil
	}
	list, err := inherited(n.slots)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		if list, err = listen(c, nil, n.slots); err != nil {
			return err
		}
	}
	n.listeners = list
	return nil
}

// urls is Server.URLs.
func (n *network) urls() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []string
	for _, l := range n.listeners {
		scheme := "http://"
		if l.secure {
			scheme = "https://"
		}
		out = append(out, scheme+l.Addr().String())
	}
	return out
}

// securePort is the port of the first address with TLS, "" if there is none.
func (n *network) securePort() string {
	for _, u := range n.urls() {
		if address, ok := strings.CutPrefix(u, "https://"); ok {
			return address[strings.LastIndexByte(address, ':')+1:]
		}
	}
	return ""
}

// serve begins to accept connections.
func (n *network) serve() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.serving = true
	for _, l := range n.listeners {
		n.accept(l)
	}
}

// accept serves one listener in the background. The caller holds n.mu.
func (n *network) accept(l *listener) {
	n.accepting.Go(func() {
		var err error
		if l.secure {
			err = n.secure.ServeTLS(l, "", "")
		} else {
			err = n.plain.Serve(l)
		}
		if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
			return // stopped, or no longer configured
		}
		select {
		case n.failed <- fmt.Errorf("address %s: %w", l.Addr(), err):
		default:
		}
	})
}

// ownsAddresses reports whether the server listens on addresses that it opened
// itself. The caller holds n.mu.
func (n *network) ownsAddresses() bool {
	return len(n.listeners) > 0 && n.listeners[0].config != ""
}

// open opens addresses of c that are new, unless systemd opens them.
func (n *network) open(c *config.Server) ([]*listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.ownsAddresses() {
		return nil, nil
	}
	return listen(c, n.listeners, n.slots)
}

// use serves the added ones and closes those that c no longer names;
// the connections that came through them go on.
func (n *network) use(c *config.Config, added []*listener) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.slots.proxies.Store(newProxies(c))
	if !n.ownsAddresses() {
		return nil
	}
	var keep []*listener
	var errs []error
	names := wanted(&c.Server)
	for _, l := range n.listeners {
		if find(names, l.config, l.secure) != nil {
			keep = append(keep, l)
			continue
		}
		n.log.Info("no longer listening", "address", l.Addr())
		if err := l.Close(); err != nil {
			errs = append(errs, fmt.Errorf("address %s: %w", l.config, err))
		}
	}
	for _, l := range added {
		n.log.Info("listening", "address", l.Addr())
		if n.serving {
			n.accept(l)
		}
	}
	n.listeners = append(keep, added...)
	return errors.Join(errs...)
}

// close accepts no more connections, and closes those there are when their requests
// are done, or when ctx ends.
func (n *network) close(ctx context.Context) error {
	n.slots.close()
	var errs []error
	for _, h := range []*http.Server{n.plain, n.secure} {
		if err := h.Shutdown(ctx); err != nil {
			n.log.Warn("requests cut short", "err", err)
			errs = append(errs, h.Close())
		}
	}
	n.mu.Lock()
	if !n.serving {
		for _, l := range n.listeners { // those nobody served yet
			errs = append(errs, l.Close())
		}
	}
	n.mu.Unlock()
	n.accepting.Wait()
	return errors.Join(errs...)
}
