package server

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"

	"convene/config"
)

// A listener is one address that the server accepts connections on.
type listener struct {
	net.Listener
	config string // the address as configured; "" if systemd opened the socket
	secure bool   // with TLS
}

// listen opens the addresses of c that are not among those open already. If
// one fails, none of the new ones stays open.
func listen(c *config.Server, open []*listener, slots *slots) (added []*listener, err error) {
	for _, want := range wanted(c) {
		if find(open, want.config, want.secure) != nil {
			continue
		}
		l, err := net.Listen("tcp", want.config)
		if err != nil {
			for _, a := range added {
				err = errors.Join(err, a.Close())
			}
			return nil, fmt.Errorf("address %s: %w", want.config, err)
		}
		want.Listener = &limited{Listener: l, slots: slots, config: want.config}
		added = append(added, want)
	}
	return added, nil
}

// wanted lists the addresses of c, each once.
func wanted(c *config.Server) []*listener {
	var out []*listener
	for _, list := range []struct {
		addrs  []string
		secure bool
	}{{c.HTTP, false}, {c.HTTPS, true}} {
		for _, addr := range list.addrs {
			if find(out, addr, list.secure) == nil {
				out = append(out, &listener{config: addr, secure: list.secure})
			}
		}
	}
	return out
}

func find(list []*listener, config string, secure bool) *listener {
	for _, l := range list {
		if l.config == config && l.secure == secure {
			return l
		}
	}
	return nil
}

// inherited returns the sockets that systemd opened (systemd.socket(5)). A
// socket is for TLS if its FileDescriptorName is https, or starts so; without
// a name of ours, if its port ends in 443. It is for the PROXY protocol if the name
// ends in -proxy.
func inherited(slots *slots) ([]*listener, error) {
	named, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("sockets of systemd: %w", err)
	}
	var out []*listener
	for name, list := range named {
		for _, l := range list {
			if l == nil {
				continue // a datagram socket
			}
			secure := strings.HasPrefix(name, "https")
			if !strings.HasPrefix(name, "http") {
				secure = strings.HasSuffix(l.Addr().String(), "443")
			}
			out = append(out, &listener{Listener: &limited{Listener: l, slots: slots, proxy: strings.HasSuffix(name, "-proxy")}, secure: secure})
		}
	}
	return out, nil
}
